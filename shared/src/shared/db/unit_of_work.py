"""One request = one transaction, committed at the edge; what it published wakes the relay after the commit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from shared.db.engine import Sessions


class Wakeable(Protocol):
    """The outbox, as far as a transaction knows it."""

    def wake(self, session: AsyncSession) -> None:
        """Its transaction committed, and may have published something."""
        ...

    async def sent(self, seconds: float) -> None:
        """Until what was committed before is on the bus, or the time is over."""
        ...


class UnitOfWork:
    """The one way in which HTTP use cases and timers write."""

    def __init__(self, sessions: Sessions, outbox: Wakeable) -> None:
        self._sessions = sessions
        self._outbox = outbox

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Commit at the end, roll back on an error. Wakes the outbox relay after the commit."""
        async with self._sessions() as session, session.begin():
            yield session
        self._outbox.wake(session)

    async def sent(self, seconds: float) -> None:
        """Let the relay go first: until what was committed here is on the bus, or the time is over."""
        await self._outbox.sent(seconds)

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[AsyncSession]:
        """Each statement is a transaction of its own: a look-up saves BEGIN and COMMIT. Nothing is published here."""
        async with self._sessions() as session:
            await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
            yield session
