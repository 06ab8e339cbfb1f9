"""Counting tries in the database, so that all replicas count together."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.domain.limits import Limit
from portal_api.identity.ports import AttemptStore
from shared.clock import real_now
from shared.errors import DomainError


@dataclass(frozen=True, slots=True)
class Limiter:
    """Subjects are names like `sign-in:ada@example.com`; each belongs to one limit."""

    store: AttemptStore

    async def opens_at(self, session: AsyncSession, limits: Mapping[str, Limit]) -> datetime | None:
        """Count a try for all subjects, if all of them are open; otherwise say when, and count nothing."""
        now = real_now()
        known = await self.store.locked(session, sorted(limits), now)
        waits = [limits[subject].opens_at(attempts, now) for subject, attempts in known.items()]
        opens = max((at for at in waits if at is not None), default=None)
        if opens is None:
            for subject, limit in limits.items():
                await self.store.save(session, subject, limit.counted(known.get(subject), now))
        return opens

    async def count(self, session: AsyncSession, subject: str, limit: Limit) -> None:
        """Count a try, or refuse it with 429 and the time."""
        opens = await self.opens_at(session, {subject: limit})
        if opens is not None:
            raise too_many("too-many-requests", "Too many requests", opens)

    async def forget(self, session: AsyncSession, subject: str) -> None:
        """Its tries count no longer."""
        await self.store.forget(session, subject)

    async def take_back(self, session: AsyncSession, subject: str) -> None:
        """The newest try was none."""
        await self.store.take_back(session, subject)


def too_many(problem: str, title: str, opens: datetime) -> DomainError:
    """With the time at which it opens."""
    seconds = max(1, ceil((opens - real_now()).total_seconds()))
    wait = f"{seconds} seconds" if seconds < 120 else f"{ceil(seconds / 60)} minutes"
    detail = f"Try again in {wait}, after {opens:%H:%M:%S} UTC."
    return DomainError(problem, 429, title, detail, retry_after_seconds=seconds)
