"""W3C trace context (traceparent) carried through a process and across Kafka."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_FORM = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current_traceparent() -> str | None:
    """The traceparent of what is being done now, if any."""
    return _current.get()


def current_trace_id() -> str | None:
    """The 32 hex digits that logs and error answers show."""
    value = _current.get()
    return value.split("-")[1] if value else None


@contextmanager
def trace(traceparent: str | None) -> Iterator[str]:
    """Continue the caller's trace, or start one where there is none or it is malformed."""
    value = traceparent if traceparent and _FORM.fullmatch(traceparent) else _new()
    token = _current.set(value)
    try:
        yield value
    finally:
        _current.reset(token)


def _new() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
