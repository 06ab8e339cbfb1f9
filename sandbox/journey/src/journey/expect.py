"""Checks that speak, and waiting with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class StepFailed(Exception):
    """What was observed is not what the seed promises."""


def expect(condition: bool, observed: str) -> None:
    """Fail the step with what was seen instead."""
    if not condition:
        raise StepFailed(observed)


def wait_for(what: str, look: Callable[[], T | None], *, seconds: float, pause_seconds: float = 0.02) -> T:
    """Look until something true is seen. Fails the step at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise StepFailed(f"{what} did not happen within {seconds:g} s")
        time.sleep(pause_seconds)
