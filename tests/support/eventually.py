"""Wait for a condition with a deadline: the only way tests wait."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 0.2


@overload
async def eventually(
    check: Callable[[], Awaitable[T | None]], *, timeout_seconds: float = ..., message: str = ...
) -> T: ...


@overload
async def eventually(check: Callable[[], T | None], *, timeout_seconds: float = ..., message: str = ...) -> T: ...


async def eventually(
    check: Callable[[], Any],
    *,
    timeout_seconds: float = 10.0,
    message: str = "the condition did not become true",
) -> Any:
    """Ask again and again until `check` answers something true, and return that.

    An AssertionError in `check` counts as "not yet"; any other exception is a failure of the test itself.
    """
    deadline = time.monotonic() + timeout_seconds
    pause = FIRST_PAUSE_SECONDS
    last: object = None
    while True:
        try:
            answer = check()
            value = await answer if inspect.isawaitable(answer) else answer
            if value:
                return value
            last = value
        except AssertionError as error:
            last = error
        if time.monotonic() >= deadline:
            raise AssertionError(f"{message} within {timeout_seconds} s; last seen: {last!r}")
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
