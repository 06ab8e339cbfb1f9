"""Billing portal sessions and payment graces in PostgreSQL."""

from dataclasses import asdict

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.adapters.tables import PaymentGraceRow, PortalSessionRow
from portal_api.billing.domain.portal_session import PortalSession


class PostgresPortalSessions:
    """Port PortalSessionStore."""

    async def find(self, session: AsyncSession, session_id: str) -> PortalSession | None:
        """By id."""
        row = await session.get(PortalSessionRow, session_id, populate_existing=True)
        return PortalSession(**row.model_dump()) if row else None

    async def save(self, session: AsyncSession, portal_session: PortalSession) -> None:
        """New or changed."""
        await session.merge(PortalSessionRow(**asdict(portal_session)))
        await session.flush()


class PostgresGraces:
    """Port GraceStore."""

    async def grace(self, session: AsyncSession, organization_id: str) -> int | None:
        """Days."""
        row = await session.get(PaymentGraceRow, organization_id, populate_existing=True)
        return row.grace_days if row else None

    async def save_grace(self, session: AsyncSession, organization_id: str, days: int) -> None:
        """New or changed."""
        await session.merge(PaymentGraceRow(organization_id=organization_id, grace_days=days))
        await session.flush()
