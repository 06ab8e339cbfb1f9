"""Tells whoever waits for an answer that the read models of this process changed."""

import asyncio


class Changes:
    """One event per change: take it, read, then wait for it, and no change is missed.

    With several replicas another one may consume the answer: waiters look again after `LONGEST_WAIT_SECONDS` anyway.
    """

    LONGEST_WAIT_SECONDS = 0.1

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def notify(self) -> None:
        """The consumer committed."""
        event, self._next = self._next, asyncio.Event()
        event.set()

    def next(self) -> asyncio.Event:
        """Set at the next change."""
        return self._next
