"""Flows and linked identities in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.adapters.tables import ExternalIdentityRow, SignInFlowRow
from portal_api.identity.domain.external import ExternalIdentity, SignInFlow


class PostgresExternalIdentities:
    """The port `ExternalIdentityRepository`."""

    async def add_flow(self, session: AsyncSession, flow: SignInFlow) -> None:
        """Keep it, and forget those that nobody came back from."""
        await session.execute(delete(SignInFlowRow).where(col(SignInFlowRow.expires_at) <= flow.created_at))
        session.add(SignInFlowRow(**asdict(flow)))
        await session.flush()

    async def take_flow(self, session: AsyncSession, state_sha256: str, now: datetime) -> SignInFlow | None:
        """`delete ... returning`: a state is good for one return."""
        statement = (
            delete(SignInFlowRow)
            .where(col(SignInFlowRow.state_sha256) == state_sha256, col(SignInFlowRow.expires_at) > now)
            .returning(*(getattr(SignInFlowRow, name) for name in SignInFlow.__dataclass_fields__))
        )
        row = (await session.execute(statement)).mappings().first()
        return SignInFlow(**row) if row else None

    async def find(self, session: AsyncSession, issuer: str, subject: str) -> ExternalIdentity | None:
        """The user that somebody elsewhere is."""
        statement = select(ExternalIdentityRow).where(
            ExternalIdentityRow.issuer == issuer, ExternalIdentityRow.subject == subject
        )
        row = (await session.exec(statement)).first()
        return ExternalIdentity(**row.model_dump()) if row else None

    async def add(self, session: AsyncSession, identity: ExternalIdentity) -> bool:
        """False when this person is linked already."""
        statement = (
            insert(ExternalIdentityRow)
            .values(**asdict(identity))
            .on_conflict_do_nothing(index_elements=["issuer", "subject"])
            .returning(col(ExternalIdentityRow.id))
        )
        return (await session.execute(statement)).first() is not None

    async def of_user(self, session: AsyncSession, user_id: str) -> Sequence[ExternalIdentity]:
        """All of a user."""
        statement = select(ExternalIdentityRow).where(ExternalIdentityRow.user_id == user_id)
        rows = await session.exec(statement.order_by(ExternalIdentityRow.id).with_for_update())
        return [ExternalIdentity(**row.model_dump()) for row in rows]

    async def remove(self, session: AsyncSession, identity_id: str) -> None:
        """From now on it opens nothing."""
        await session.execute(delete(ExternalIdentityRow).where(col(ExternalIdentityRow.id) == identity_id))
