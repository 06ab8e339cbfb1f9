"""Signing keys in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.oauth.adapters.tables import SigningKeyRow
from portal_api.oauth.domain.access_token import SigningKey

# Any constant of our own.
_LOCK = 4_113_206_978_211_903_345


class PostgresSigningKeys:
    """Port SigningKeyStore."""

    async def lock(self, session: AsyncSession) -> None:
        """Until the transaction ends; again in the same transaction is free."""
        connection = await session.connection()
        await connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})

    async def active(self, session: AsyncSession) -> SigningKey | None:
        """The key that signs now."""
        query = select(SigningKeyRow).where(col(SigningKeyRow.active))
        row = (await session.exec(query.execution_options(populate_existing=True))).first()
        return SigningKey(**row.model_dump()) if row else None

    async def valid(self, session: AsyncSession, now: datetime) -> Sequence[SigningKey]:
        """Newest first."""
        query = select(SigningKeyRow).where(SigningKeyRow.not_after > now)
        rows = await session.exec(query.order_by(col(SigningKeyRow.not_before).desc()))
        return [SigningKey(**row.model_dump()) for row in rows]

    async def page(self, session: AsyncSession, *, after: str, limit: int) -> Sequence[SigningKey]:
        """By kid."""
        query = select(SigningKeyRow).where(SigningKeyRow.kid > after).order_by(SigningKeyRow.kid).limit(limit)
        rows = await session.exec(query.execution_options(populate_existing=True))
        return [SigningKey(**row.model_dump()) for row in rows]

    async def save(self, session: AsyncSession, key: SigningKey) -> None:
        """New or changed."""
        await session.merge(SigningKeyRow(**asdict(key)))
        await session.flush()
