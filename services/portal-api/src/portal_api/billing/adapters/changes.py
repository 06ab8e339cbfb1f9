"""Tells whoever waits for an answer that the read models of this process changed."""

import asyncio
from collections.abc import Iterable
from weakref import WeakSet


class Watch:
    """What one open page is about: ids of subscriptions and of its developer. It may change what it watches."""

    def __init__(self, about: Iterable[str]) -> None:
        self.about = set(about)
        self.event = asyncio.Event()


class Changes:
    """One event per change: take it, read, then wait for it, and no change is missed.

    With several replicas another one may consume the answer: waiters look again after `LONGEST_WAIT_SECONDS` anyway.
    """

    LONGEST_WAIT_SECONDS = 0.1

    def __init__(self) -> None:
        self._next = asyncio.Event()
        self._touched: set[str] = set()
        self._watches: WeakSet[Watch] = WeakSet()

    def touch(self, *ids: str) -> None:
        """The transaction that runs changes what is about these. If it fails, a page looks once for nothing."""
        self._touched.update(ids)

    def notify(self) -> None:
        """The consumer committed."""
        event, self._next = self._next, asyncio.Event()
        event.set()
        touched, self._touched = self._touched, set()
        for watch in self._watches:
            if not watch.about.isdisjoint(touched):
                watch.event.set()

    def wake_all(self) -> None:
        """Whatever they wait for: the process is stopping."""
        self.notify()
        for watch in self._watches:
            watch.event.set()

    def next(self) -> asyncio.Event:
        """Set at the next change."""
        return self._next

    def watch(self, about: Iterable[str]) -> Watch:
        """Its event is set at changes about these only. Held by who waits; forgotten with them."""
        watch = Watch(about)
        self._watches.add(watch)
        return watch
