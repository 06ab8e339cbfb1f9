"""Entries out of PostgreSQL."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.audit.adapters.tables import AuditEntryRow
from portal_api.audit.domain.entry import Entry, Filter


class PostgresAuditStore:
    """The port `AuditStore`."""

    async def of_organization(
        self, session: AsyncSession, organization_id: str, wanted: Filter, *, before: int | None, limit: int
    ) -> Sequence[Entry]:
        """What was changed of an organization."""
        conditions: list[Any] = [col(AuditEntryRow.organization_id) == organization_id]
        for name in ("actor_id", "target_type", "target_id", "action"):
            value = getattr(wanted, name)
            if value is not None:
                conditions.append(getattr(AuditEntryRow, name) == value)
        if wanted.since is not None:
            conditions.append(col(AuditEntryRow.at) >= wanted.since)
        if wanted.until is not None:
            conditions.append(col(AuditEntryRow.at) < wanted.until)
        return await self._newest(session, conditions, before, limit)

    async def of_user(self, session: AsyncSession, user_id: str, *, before: int | None, limit: int) -> Sequence[Entry]:
        """What belongs to no organization."""
        conditions = [col(AuditEntryRow.organization_id).is_(None), col(AuditEntryRow.actor_id) == user_id]
        return await self._newest(session, conditions, before, limit)

    async def _newest(
        self, session: AsyncSession, conditions: list[Any], before: int | None, limit: int
    ) -> Sequence[Entry]:
        if before is not None:
            conditions.append(col(AuditEntryRow.number) < before)
        statement = select(AuditEntryRow).where(*conditions).order_by(col(AuditEntryRow.number).desc()).limit(limit)
        return [Entry(**row.model_dump()) for row in await session.exec(statement)]
