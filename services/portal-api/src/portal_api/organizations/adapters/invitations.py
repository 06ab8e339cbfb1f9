"""Invitations in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.organizations.adapters.tables import InvitationRow
from portal_api.organizations.domain.invitation import Invitation


class PostgresInvitations:
    """The port `InvitationRepository`."""

    async def add(self, session: AsyncSession, invitation: Invitation) -> None:
        """Keep it."""
        session.add(InvitationRow(**asdict(invitation)))
        await session.flush()

    async def save(self, session: AsyncSession, invitation: Invitation) -> None:
        """Its status."""
        await session.execute(
            update(InvitationRow).where(col(InvitationRow.id) == invitation.id).values(status=invitation.status)
        )

    async def find(self, session: AsyncSession, invitation_id: str) -> Invitation | None:
        """By id, held until the transaction ends."""
        return await self._first(session, InvitationRow.id == invitation_id, lock=True)

    async def by_token(self, session: AsyncSession, token_sha256: str, *, lock: bool) -> Invitation | None:
        """By its secret's hash."""
        return await self._first(session, InvitationRow.token_sha256 == token_sha256, lock=lock)

    async def pending(
        self, session: AsyncSession, organization_id: str, *, limit: int, after: str | None
    ) -> Sequence[Invitation]:
        """Oldest first."""
        rows = await session.exec(
            select(InvitationRow)
            .where(InvitationRow.organization_id == organization_id, InvitationRow.status == "pending")
            .where(InvitationRow.id > (after or ""))
            .order_by(InvitationRow.id)
            .limit(limit)
        )
        return [Invitation(**row.model_dump()) for row in rows]

    async def pending_count(self, session: AsyncSession, organization_id: str) -> int:
        """How many."""
        counted = await session.exec(
            select(func.count())
            .select_from(InvitationRow)
            .where(col(InvitationRow.organization_id) == organization_id, col(InvitationRow.status) == "pending")
        )
        return counted.one()

    async def revoke_pending(self, session: AsyncSession, organization_id: str, email: str) -> None:
        """Those of one address."""
        await session.execute(
            update(InvitationRow)
            .where(col(InvitationRow.organization_id) == organization_id, col(InvitationRow.email) == email)
            .where(col(InvitationRow.status) == "pending")
            .values(status="revoked")
        )

    async def _first(self, session: AsyncSession, condition: Any, *, lock: bool) -> Invitation | None:
        statement = select(InvitationRow).where(condition)
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        row = (await session.exec(statement)).first()
        return Invitation(**row.model_dump()) if row else None
