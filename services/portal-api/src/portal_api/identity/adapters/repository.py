"""Identity's rows in PostgreSQL."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.adapters.tables import PersonalAccessTokenRow, SessionRow, SignInFailureRow, UserRow
from portal_api.identity.domain.user import FAILURE_WINDOW, PersonalAccessToken, Session, User


class PostgresIdentityRepository:
    """The port `IdentityRepository`."""

    async def add_user(self, session: AsyncSession, user: User, password_hash: str) -> bool:
        """False when the e-mail address is taken."""
        statement = (
            insert(UserRow)
            .values(**asdict(user), password_hash=password_hash)
            .on_conflict_do_nothing(index_elements=["email"])
            .returning(col(UserRow.id))
        )
        return (await session.execute(statement)).first() is not None

    async def user(self, session: AsyncSession, user_id: str) -> User | None:
        """By id."""
        row = await session.get(UserRow, user_id)
        return _user(row) if row else None

    async def user_by_email(self, session: AsyncSession, email: str) -> tuple[User, str] | None:
        """With the password's hash."""
        row = (await session.exec(select(UserRow).where(UserRow.email == email))).first()
        return (_user(row), row.password_hash) if row else None

    async def lock_users(self, session: AsyncSession, *, after: str, limit: int) -> list[User]:
        """`for no key update`: sessions and tokens may refer to them meanwhile."""
        statement = select(UserRow).where(UserRow.id > after).order_by(UserRow.id).limit(limit)
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
        return [_user(row) for row in await session.exec(statement)]

    async def add_session(self, session: AsyncSession, row: Session) -> None:
        """Keep a session, and forget those of this user that are over."""
        await session.execute(
            delete(SessionRow).where(
                col(SessionRow.user_id) == row.user_id, col(SessionRow.expires_at) <= row.created_at
            )
        )
        session.add(SessionRow(**asdict(row)))
        await session.flush()

    async def session_user(
        self, session: AsyncSession, token_sha256: str, now: datetime
    ) -> tuple[Session, User] | None:
        """The session that has this token, if it is not over."""
        found = await session.exec(
            select(SessionRow, UserRow)
            .where(UserRow.id == SessionRow.user_id, SessionRow.token_sha256 == token_sha256)
            .where(SessionRow.expires_at > now)
        )
        pair = found.first()
        return (Session(**pair[0].model_dump()), _user(pair[1])) if pair else None

    async def end_session(self, session: AsyncSession, session_id: str) -> None:
        """Forget a session."""
        await session.execute(delete(SessionRow).where(col(SessionRow.id) == session_id))

    async def add_token(self, session: AsyncSession, row: PersonalAccessToken) -> None:
        """Keep a personal access token."""
        session.add(PersonalAccessTokenRow(**asdict(row)))
        await session.flush()

    async def token_user(
        self, session: AsyncSession, token_sha256: str, now: datetime
    ) -> tuple[PersonalAccessToken, User] | None:
        """The token with this hash, if it has not expired."""
        found = await session.exec(
            select(PersonalAccessTokenRow, UserRow)
            .where(UserRow.id == PersonalAccessTokenRow.user_id, PersonalAccessTokenRow.token_sha256 == token_sha256)
            .where(PersonalAccessTokenRow.expires_at > now)
        )
        pair = found.first()
        return (PersonalAccessToken(**pair[0].model_dump()), _user(pair[1])) if pair else None

    async def tokens(
        self, session: AsyncSession, user_id: str, *, limit: int, after: str | None
    ) -> list[PersonalAccessToken]:
        """A user's tokens, oldest first."""
        rows = await session.exec(
            select(PersonalAccessTokenRow)
            .where(PersonalAccessTokenRow.user_id == user_id, PersonalAccessTokenRow.id > (after or ""))
            .order_by(PersonalAccessTokenRow.id)
            .limit(limit)
        )
        return [PersonalAccessToken(**row.model_dump()) for row in rows]

    async def remove_token(self, session: AsyncSession, user_id: str, token_id: str) -> bool:
        """False when the user has no such token."""
        removed = await session.execute(
            delete(PersonalAccessTokenRow)
            .where(col(PersonalAccessTokenRow.id) == token_id, col(PersonalAccessTokenRow.user_id) == user_id)
            .returning(col(PersonalAccessTokenRow.id))
        )
        return removed.first() is not None

    async def failures(self, session: AsyncSession, subject: str, since: datetime) -> int:
        """Failed sign-ins of a subject."""
        counted = await session.exec(
            select(func.count())
            .select_from(SignInFailureRow)
            .where(col(SignInFailureRow.subject) == subject, col(SignInFailureRow.at) > since)
        )
        return counted.one()

    async def add_failures(self, session: AsyncSession, subjects: list[str], at: datetime) -> None:
        """Remember a failed sign-in, and forget those that no longer count."""
        await session.execute(delete(SignInFailureRow).where(col(SignInFailureRow.at) < at - FAILURE_WINDOW))
        session.add_all(SignInFailureRow(subject=subject, at=at) for subject in subjects)
        await session.flush()


def _user(row: UserRow) -> User:
    return User(id=row.id, email=row.email, name=row.name, locale=row.locale, created_at=row.created_at)
