"""What identity's use cases need from outside."""

from datetime import datetime
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.domain.user import PersonalAccessToken, Session, User
from shared.events.envelope import Event
from shared.events.topics import Topic


class Publisher(Protocol):
    """The outbox: published if and when the session's transaction commits."""

    async def publish(self, session: AsyncSession, topic: Topic, key: str, event: Event) -> None:
        """Put `event` on `topic` under `key`."""
        ...


class PasswordHasher(Protocol):
    """A slow, salted hash. Runs beside the event loop."""

    async def hash(self, password: str) -> str:
        """The hash to keep."""
        ...

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether the password fits; takes as long without a hash, so that nobody learns which users exist."""
        ...


class IdentityRepository(Protocol):
    """Users, sessions, tokens and failed sign-ins."""

    async def add_user(self, session: AsyncSession, user: User, password_hash: str) -> bool:
        """False when the e-mail address is taken."""
        ...

    async def user(self, session: AsyncSession, user_id: str) -> User | None:
        """By id."""
        ...

    async def user_by_email(self, session: AsyncSession, email: str) -> tuple[User, str] | None:
        """With the password's hash."""
        ...

    async def lock_users(self, session: AsyncSession, *, after: str, limit: int) -> list[User]:
        """Of all organizations, by id, held against writers until the transaction ends."""
        ...

    async def add_session(self, session: AsyncSession, row: Session) -> None:
        """Keep a session."""
        ...

    async def session_user(
        self, session: AsyncSession, token_sha256: str, now: datetime
    ) -> tuple[Session, User] | None:
        """The session that has this token, if it is not over."""
        ...

    async def end_session(self, session: AsyncSession, session_id: str) -> None:
        """Forget a session."""
        ...

    async def add_token(self, session: AsyncSession, row: PersonalAccessToken) -> None:
        """Keep a personal access token."""
        ...

    async def token_user(
        self, session: AsyncSession, token_sha256: str, now: datetime
    ) -> tuple[PersonalAccessToken, User] | None:
        """The token with this hash, if it has not expired."""
        ...

    async def tokens(
        self, session: AsyncSession, user_id: str, *, limit: int, after: str | None
    ) -> list[PersonalAccessToken]:
        """A user's tokens, oldest first."""
        ...

    async def remove_token(self, session: AsyncSession, user_id: str, token_id: str) -> bool:
        """False when the user has no such token."""
        ...

    async def failures(self, session: AsyncSession, subject: str, since: datetime) -> int:
        """Failed sign-ins of an e-mail address or network address."""
        ...

    async def add_failures(self, session: AsyncSession, subjects: list[str], at: datetime) -> None:
        """Remember a failed sign-in, and forget those that no longer count."""
        ...
