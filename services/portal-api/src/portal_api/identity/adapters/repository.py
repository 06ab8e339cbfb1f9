"""Users and the links in their mails, in PostgreSQL."""

from dataclasses import asdict
from datetime import datetime
from typing import cast

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.adapters.tables import OneTimeTokenRow, UserRow
from portal_api.identity.domain.one_time_token import OneTimeToken, Purpose
from portal_api.identity.domain.user import User


class PostgresIdentityRepository:
    """The port `IdentityRepository`."""

    async def add_user(self, session: AsyncSession, user: User, password_hash: str | None) -> bool:
        """False when the e-mail address is taken."""
        statement = (
            insert(UserRow)
            .values(**asdict(user), password_hash=password_hash)
            .on_conflict_do_nothing(index_elements=["email"])
            .returning(col(UserRow.id))
        )
        return (await session.execute(statement)).first() is not None

    async def save_user(self, session: AsyncSession, user: User) -> bool:
        """False when the e-mail address is another user's."""
        values = asdict(user)
        del values["id"], values["created_at"]
        try:
            async with session.begin_nested():
                await session.execute(update(UserRow).where(col(UserRow.id) == user.id).values(**values))
        except IntegrityError:
            return False
        return True

    async def set_password(self, session: AsyncSession, user_id: str, password_hash: str) -> None:
        """From now on it opens the account."""
        await session.execute(update(UserRow).where(col(UserRow.id) == user_id).values(password_hash=password_hash))

    async def user(self, session: AsyncSession, user_id: str, *, lock: bool = False) -> User | None:
        """By id."""
        statement = select(UserRow).where(UserRow.id == user_id)
        if lock:
            statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
        row = (await session.exec(statement)).first()
        return to_user(row) if row else None

    async def user_by_email(self, session: AsyncSession, email: str) -> tuple[User, str | None] | None:
        """With the password's hash."""
        row = (await session.exec(select(UserRow).where(UserRow.email == email))).first()
        return (to_user(row), row.password_hash) if row else None

    async def lock_users(self, session: AsyncSession, *, after: str, limit: int) -> list[User]:
        """`for no key update`: sessions and tokens may refer to them meanwhile."""
        statement = select(UserRow).where(UserRow.id > after).order_by(UserRow.id).limit(limit)
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
        return [to_user(row) for row in await session.exec(statement)]


class PostgresProofRepository:
    """The port `ProofRepository`."""

    async def add(self, session: AsyncSession, row: OneTimeToken) -> None:
        """Keep it, and forget those that have expired."""
        await session.execute(delete(OneTimeTokenRow).where(col(OneTimeTokenRow.expires_at) <= row.created_at))
        session.add(OneTimeTokenRow(**asdict(row)))
        await session.flush()

    async def take(self, session: AsyncSession, token_sha256: str, now: datetime) -> OneTimeToken | None:
        """`delete ... returning`: of two at once, one gets it."""
        statement = (
            delete(OneTimeTokenRow)
            .where(col(OneTimeTokenRow.token_sha256) == token_sha256, col(OneTimeTokenRow.expires_at) > now)
            .returning(*(getattr(OneTimeTokenRow, name) for name in OneTimeToken.__dataclass_fields__))
        )
        row = (await session.execute(statement)).mappings().first()
        return OneTimeToken(**row) if row else None

    async def forget(self, session: AsyncSession, user_id: str, purpose: Purpose) -> None:
        """A user's links of one kind."""
        await session.execute(
            delete(OneTimeTokenRow).where(
                col(OneTimeTokenRow.user_id) == user_id, col(OneTimeTokenRow.purpose) == cast(str, purpose)
            )
        )


def to_user(row: UserRow) -> User:
    """Without the password's hash."""
    values = row.model_dump()
    del values["password_hash"]
    return User(**values)
