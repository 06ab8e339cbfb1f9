"""Counted tries in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.adapters.tables import AttemptsRow
from portal_api.identity.domain.limits import FORGOTTEN_AFTER, Attempts


class PostgresAttempts:
    """The port `AttemptStore`."""

    async def locked(self, session: AsyncSession, subjects: Sequence[str], now: datetime) -> dict[str, Attempts]:
        """In the order given, so that two transactions never wait for each other."""
        found = {}
        for subject in subjects:
            row = {"subject": subject, "count": 0, "first_at": now, "last_at": now}
            await session.execute(insert(AttemptsRow).values(**row).on_conflict_do_nothing())
            statement = select(AttemptsRow).where(AttemptsRow.subject == subject).with_for_update()
            known = (await session.exec(statement.execution_options(populate_existing=True))).first()
            if known is not None and known.count > 0:
                found[subject] = Attempts(known.count, known.first_at, known.last_at)
        return found

    async def save(self, session: AsyncSession, subject: str, attempts: Attempts) -> None:
        """Keep the count, and forget subjects that nobody has asked for in a day."""
        values = {"count": attempts.count, "first_at": attempts.first_at, "last_at": attempts.last_at}
        statement = insert(AttemptsRow).values(subject=subject, **values)
        await session.execute(statement.on_conflict_do_update(index_elements=["subject"], set_=values))
        old = (
            select(AttemptsRow.subject)
            .where(AttemptsRow.last_at < attempts.last_at - FORGOTTEN_AFTER)
            .limit(100)
            .with_for_update(skip_locked=True)
        )
        await session.execute(delete(AttemptsRow).where(col(AttemptsRow.subject).in_(old)))

    async def take_back(self, session: AsyncSession, subject: str) -> None:
        """One less."""
        await session.execute(
            update(AttemptsRow)
            .where(col(AttemptsRow.subject) == subject, col(AttemptsRow.count) > 0)
            .values(count=col(AttemptsRow.count) - 1)
        )

    async def forget(self, session: AsyncSession, subject: str) -> None:
        """None."""
        await session.execute(delete(AttemptsRow).where(col(AttemptsRow.subject) == subject))
