"""Sessions and personal access tokens in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.adapters.repository import to_user
from portal_api.identity.adapters.tables import PersonalAccessTokenRow, SessionRow, UserRow
from portal_api.identity.domain.user import USE_NOTED_EVERY, PersonalAccessToken, Session, User


class PostgresCredentialRepository:
    """The port `CredentialRepository`."""

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
        if pair is None:
            return None
        await self._note_use(session, SessionRow, pair[0], now)
        return Session(**pair[0].model_dump()), to_user(pair[1])

    async def sessions(
        self, session: AsyncSession, user_id: str, now: datetime, *, limit: int, after: str | None
    ) -> Sequence[Session]:
        """A user's sessions, oldest first."""
        rows = await session.exec(
            select(SessionRow)
            .where(SessionRow.user_id == user_id, SessionRow.expires_at > now, SessionRow.id > (after or ""))
            .order_by(SessionRow.id)
            .limit(limit)
        )
        return [Session(**row.model_dump()) for row in rows]

    async def end_session(self, session: AsyncSession, user_id: str, session_id: str) -> bool:
        """False when the user has no such session."""
        ended = await session.execute(
            delete(SessionRow)
            .where(col(SessionRow.id) == session_id, col(SessionRow.user_id) == user_id)
            .returning(col(SessionRow.id))
        )
        return ended.first() is not None

    async def end_sessions(self, session: AsyncSession, user_id: str, *, keep: str | None) -> None:
        """All of a user, but one."""
        await session.execute(
            delete(SessionRow).where(col(SessionRow.user_id) == user_id, col(SessionRow.id) != (keep or ""))
        )

    async def add_token(self, session: AsyncSession, row: PersonalAccessToken) -> None:
        """Keep a personal access token."""
        session.add(PersonalAccessTokenRow(**asdict(row) | {"scopes": list(row.scopes)}))
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
        if pair is None:
            return None
        await self._note_use(session, PersonalAccessTokenRow, pair[0], now)
        return _token(pair[0]), to_user(pair[1])

    async def tokens(
        self, session: AsyncSession, user_id: str, *, limit: int, after: str | None
    ) -> Sequence[PersonalAccessToken]:
        """A user's tokens, oldest first."""
        rows = await session.exec(
            select(PersonalAccessTokenRow)
            .where(PersonalAccessTokenRow.user_id == user_id, PersonalAccessTokenRow.id > (after or ""))
            .order_by(PersonalAccessTokenRow.id)
            .limit(limit)
        )
        return [_token(row) for row in rows]

    async def remove_token(self, session: AsyncSession, user_id: str, token_id: str) -> bool:
        """False when the user has no such token."""
        removed = await session.execute(
            delete(PersonalAccessTokenRow)
            .where(col(PersonalAccessTokenRow.id) == token_id, col(PersonalAccessTokenRow.user_id) == user_id)
            .returning(col(PersonalAccessTokenRow.id))
        )
        return removed.first() is not None

    async def remove_tokens(self, session: AsyncSession, user_id: str) -> None:
        """All of a user."""
        await session.execute(delete(PersonalAccessTokenRow).where(col(PersonalAccessTokenRow.user_id) == user_id))

    async def _note_use(self, session: AsyncSession, table: Any, row: Any, now: datetime) -> None:
        """Once in a while; requests that come together do not wait for one another."""
        before = now - USE_NOTED_EVERY
        if row.last_used_at is None or row.last_used_at < before:
            free = (
                select(table.id)
                .where(table.id == row.id, or_(table.last_used_at.is_(None), table.last_used_at < before))
                .with_for_update(skip_locked=True)
            )
            await session.execute(update(table).where(table.id.in_(free)).values(last_used_at=now))


def _token(row: PersonalAccessTokenRow) -> PersonalAccessToken:
    return PersonalAccessToken(**row.model_dump() | {"scopes": tuple(row.scopes)})
