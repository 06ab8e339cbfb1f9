"""Parts of a page that renew themselves: server-sent events, each a piece of HTML for htmx to morph in."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Protocol

from fastapi import Request
from fastapi.responses import StreamingResponse

HEARTBEAT_SECONDS = 15.0
# A change in another replica is not signalled here: look again at least this often.
LOOK_AGAIN_SECONDS = 2.0
SHORTEST_PAUSE_SECONDS = 0.2
# Then the browser connects again, and who they are is checked again.
LIFE_SECONDS = 300.0
Render = Callable[[], Awaitable[str | None]]


class Signal(Protocol):
    """Sets an event when a read model of this process changed."""

    def next(self) -> asyncio.Event:
        """Set at the next change."""
        ...

    def wake_all(self) -> None:
        """Wake whoever waits."""
        ...

    def watch(self, about: Iterable[str]) -> "Watching":
        """Only changes about these ids."""
        ...


class Watching(Protocol):
    """What a stream is about; `event` is set when that changed."""

    about: set[str]
    event: asyncio.Event


class Live:
    """All open streams of this process. `stop` ends them, else a stopping server would wait for its viewers."""

    def __init__(self, changes: Signal) -> None:
        self._changes = changes
        self._stopping = False

    async def run_until_stopped(self) -> None:
        """A runner of the service: its cancellation is the stop."""
        try:
            await asyncio.Event().wait()
        finally:
            self._stopping = True
            self._changes.wake_all()

    def stream(
        self,
        request: Request,
        render: Render,
        about: set[str] | None = None,
        *,
        pause_seconds: float = SHORTEST_PAUSE_SECONDS,
    ) -> StreamingResponse:
        """Send what `render` gives whenever it differs; None ends the stream for good.

        `about`: ids of subscriptions, developers or organizations, or `about_api`; other people's changes then wake
        nobody. `render` may add to it. `pause_seconds`: at least so long between two looks; longer for what many sum.
        """
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        events = self._events(request, render, about, pause_seconds)
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)

    async def _events(
        self, request: Request, render: Render, about: set[str] | None, pause_seconds: float
    ) -> AsyncIterator[str]:
        watch = self._changes.watch(about) if about is not None else None
        loop = asyncio.get_running_loop()
        began = said_at = loop.time()
        last = ""
        while not self._stopping and loop.time() - began < LIFE_SECONDS and not await request.is_disconnected():
            # Taken before rendering: a change in between is not missed.
            change = self._changes.next() if watch is None else watch.event
            if watch is not None:
                change.clear()
            rendered_at = loop.time()
            html = await render()
            if watch is not None and about is not None:
                watch.about |= about
            if html is None:
                yield "event: close\ndata: \n\n"
                return
            if html != last:
                last, said_at = html, loop.time()
                yield _message(html)
            elif loop.time() - said_at > HEARTBEAT_SECONDS:
                said_at = loop.time()
                yield ": still here\n\n"
            await _pause(change, rendered_at + pause_seconds - loop.time())


async def _pause(change: asyncio.Event, at_least_seconds: float) -> None:
    """Until the next change; at once if the last look is long enough ago: a single call is seen without delay."""
    try:
        async with asyncio.timeout(LOOK_AGAIN_SECONDS):
            await asyncio.sleep(max(at_least_seconds, 0))
            await change.wait()
    except TimeoutError:
        return


def _message(html: str) -> str:
    return "".join(f"data: {line}\n" for line in html.splitlines()) + "\n"
