"""How a service runs: all its parts in one task group, until it is told to stop."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Coroutine

import structlog

log = structlog.get_logger()

# Python's own (700, 10, 10) went through all that a service had imported every minute under load: 0.4 s in portal-api.
GC_THRESHOLDS = (10_000, 20, 20)

Runner = Callable[[], Awaitable[None]]


class PartEnded(Exception):
    """A part of the service was cancelled, and nobody had asked for it: the service must not go on without it."""


class _Stop(Exception):
    """SIGTERM or SIGINT arrived."""


async def run_part(runner: Runner, *, stopping: Callable[[], bool] = lambda: False) -> None:
    """Run it. A task group takes a cancellation from inside for a wish and says nothing; here it is PartEnded.

    `stopping` speaks for parts that call `uncancel()` so that they may finish their work in peace.
    """
    try:
        await runner()
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and not task.cancelling() and not stopping():
            raise PartEnded(getattr(runner, "__qualname__", repr(runner))) from error
        raise


async def run_service(*runners: Runner) -> None:
    """Run all parts until SIGTERM or SIGINT, then cancel them; a part that fails ends the service with its error."""
    # What lives by now lives for ever: collections need not look at it again.
    gc.collect()
    gc.freeze()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    async def until_stopped() -> None:
        await stop.wait()
        raise _Stop

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(until_stopped())
            for runner in runners:
                group.create_task(run_part(runner, stopping=stop.is_set))
    except* _Stop:
        log.info("service stopped")


def main(coroutine: Coroutine[None, None, None]) -> None:
    """Run a service's coroutine on uvloop."""
    import uvloop

    gc.set_threshold(*GC_THRESHOLDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(coroutine)
