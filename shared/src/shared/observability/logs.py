"""JSON lines on standard output: time, level, service, event, trace id and whatever the caller binds."""

import logging
import sys
import time
from collections.abc import Callable

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from shared.observability.tracing import current_trace_id

MAX_KINDS = 1000


def _add_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    trace_id = current_trace_id()
    if trace_id:
        event["trace_id"] = trace_id
    return event


class OncePerInterval(logging.Filter):
    """Lets a message pass once in `seconds`, with how many were left out: clients retry 20 times a second."""

    def __init__(self, seconds: float = 10.0, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._monotonic = monotonic
        self._seen: dict[tuple[str, int, object], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """True for the first of its kind (the same place and arguments) in the interval."""
        kind = (record.pathname, record.lineno, str(record.args))
        now = self._monotonic()
        until, left_out = self._seen.get(kind, (now, 0))
        if now < until:
            self._seen[kind] = (until, left_out + 1)
            return False
        if len(self._seen) >= MAX_KINDS:
            self._seen.clear()
        self._seen[kind] = (now + self._seconds, 0)
        if left_out:
            record.msg = f"{record.msg} ({left_out} more like this were left out)"
        return True


def _of(name: str, inner: logging.Filter) -> Callable[[logging.LogRecord], bool]:
    return lambda record: not record.name.startswith(name) or inner.filter(record)


def configure_logging(service: str, level: str = "INFO") -> None:
    """Send structlog's and the standard library's records to one JSON stream."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # FastStream logs two lines a batch, aiokafka every metadata refresh that a restarting broker makes fail.
    for name, quiet in (("faststream", "WARNING"), ("aiokafka", "ERROR"), ("uvicorn.access", "WARNING")):
        logging.getLogger(name).setLevel(quiet)
    # On the handler: records of child loggers do not pass their parents' filters.
    handler.addFilter(_of("aiokafka", OncePerInterval()))
    structlog.contextvars.bind_contextvars(service=service)
