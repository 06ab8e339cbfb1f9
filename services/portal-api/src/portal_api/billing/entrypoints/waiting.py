"""`Prefer: wait=N` (RFC 7240): hold the answer until the read model has it, at most ten seconds."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Protocol, TypeVar

from fastapi import Header

T = TypeVar("T")

MAX_WAIT_SECONDS = 10
_WAIT = re.compile(r"(?:^|[,;]\s*)wait\s*=\s*\"?(\d{1,4})\"?", re.IGNORECASE)

Prefer = Annotated[
    str | None,
    Header(description=f"`wait=N`: wait up to N seconds (at most {MAX_WAIT_SECONDS}) for the result."),
]


class ChangeSignal(Protocol):
    """Sets an event when a read model of this process changed."""

    LONGEST_WAIT_SECONDS: float

    def next(self) -> asyncio.Event:
        """Set at the next change."""
        ...


def wait_seconds(prefer: str | None) -> int:
    """What the header asks for, within our bound; 0 = answer at once."""
    found = _WAIT.search(prefer) if prefer else None
    return min(int(found.group(1)), MAX_WAIT_SECONDS) if found else 0


async def wait_for(
    read: Callable[[], Awaitable[T]], is_done: Callable[[T], bool], seconds: int, changes: ChangeSignal
) -> T:
    """Read until it is done or the time is over; what was read last."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        change = changes.next()  # taken before reading: a change in between is not missed
        value = await read()
        left = deadline - loop.time()
        if is_done(value) or left <= 0:
            return value
        try:
            async with asyncio.timeout(min(left, changes.LONGEST_WAIT_SECONDS)):
                await change.wait()
        except TimeoutError:
            continue
