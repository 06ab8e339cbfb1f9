"""What identity's use cases need from outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.domain.external import ExternalClaims, ExternalIdentity, IdentityProvider, SignInFlow
from portal_api.identity.domain.limits import Attempts
from portal_api.identity.domain.one_time_token import OneTimeToken, Purpose
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
    """Users."""

    async def add_user(self, session: AsyncSession, user: User, password_hash: str | None) -> bool:
        """False when the e-mail address is taken."""
        ...

    async def save_user(self, session: AsyncSession, user: User) -> bool:
        """False when the e-mail address is another user's."""
        ...

    async def set_password(self, session: AsyncSession, user_id: str, password_hash: str) -> None:
        """From now on it opens the account."""
        ...

    async def user(self, session: AsyncSession, user_id: str, *, lock: bool = False) -> User | None:
        """By id; `lock` holds the row until the transaction ends."""
        ...

    async def user_by_email(self, session: AsyncSession, email: str) -> tuple[User, str | None] | None:
        """With the password's hash, where there is one."""
        ...

    async def lock_users(self, session: AsyncSession, *, after: str, limit: int) -> list[User]:
        """Of all organizations, by id, held against writers until the transaction ends."""
        ...


class CredentialRepository(Protocol):
    """Sessions and personal access tokens. Asking for one notes its use, now and then."""

    async def add_session(self, session: AsyncSession, row: Session) -> None:
        """Keep a session."""
        ...

    async def session_user(
        self, session: AsyncSession, token_sha256: str, now: datetime
    ) -> tuple[Session, User] | None:
        """The session that has this token, if it is not over."""
        ...

    async def sessions(
        self, session: AsyncSession, user_id: str, now: datetime, *, limit: int, after: str | None
    ) -> Sequence[Session]:
        """A user's sessions that are not over, oldest first."""
        ...

    async def end_session(self, session: AsyncSession, user_id: str, session_id: str) -> bool:
        """False when the user has no such session."""
        ...

    async def end_sessions(self, session: AsyncSession, user_id: str, *, keep: str | None) -> None:
        """All of a user, but one."""
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
    ) -> Sequence[PersonalAccessToken]:
        """A user's tokens, oldest first."""
        ...

    async def remove_token(self, session: AsyncSession, user_id: str, token_id: str) -> bool:
        """False when the user has no such token."""
        ...

    async def remove_tokens(self, session: AsyncSession, user_id: str) -> None:
        """All of a user."""
        ...


class ProofRepository(Protocol):
    """Links in mails, by the hash of their secret."""

    async def add(self, session: AsyncSession, row: OneTimeToken) -> None:
        """Keep it."""
        ...

    async def take(self, session: AsyncSession, token_sha256: str, now: datetime) -> OneTimeToken | None:
        """Remove and return it, if it has not expired: of two at once, one gets it."""
        ...

    async def forget(self, session: AsyncSession, user_id: str, purpose: Purpose) -> None:
        """A user's links of one kind open nothing from now on."""
        ...


class AttemptStore(Protocol):
    """Counted tries by subject."""

    async def locked(self, session: AsyncSession, subjects: Sequence[str], now: datetime) -> dict[str, Attempts]:
        """What is known of them, held until the transaction ends; unknown ones are left out (and held too)."""
        ...

    async def save(self, session: AsyncSession, subject: str, attempts: Attempts) -> None:
        """Keep the count."""
        ...

    async def take_back(self, session: AsyncSession, subject: str) -> None:
        """One less."""
        ...

    async def forget(self, session: AsyncSession, subject: str) -> None:
        """None."""
        ...


class ProviderRefused(Exception):
    """The provider's answer does not prove who somebody is. The text is for the operator's log."""


class ProviderAway(Exception):
    """The provider does not answer."""


class ProviderClient(Protocol):
    """Speaks to identity providers."""

    async def authorization_url(
        self, provider: IdentityProvider, *, redirect_uri: str, state: str, nonce: str, code_verifier: str
    ) -> str:
        """Where the browser goes. Raises ProviderAway."""
        ...

    async def claims(
        self, provider: IdentityProvider, *, redirect_uri: str, code: str, nonce: str, code_verifier: str
    ) -> ExternalClaims:
        """Who came back with this code. Raises ProviderRefused or ProviderAway."""
        ...


class ExternalIdentityRepository(Protocol):
    """Flows under way, and which persons elsewhere are which users."""

    async def add_flow(self, session: AsyncSession, flow: SignInFlow) -> None:
        """Keep it."""
        ...

    async def take_flow(self, session: AsyncSession, state_sha256: str, now: datetime) -> SignInFlow | None:
        """Remove and return it, if it has not expired."""
        ...

    async def find(self, session: AsyncSession, issuer: str, subject: str) -> ExternalIdentity | None:
        """The user that somebody elsewhere is."""
        ...

    async def add(self, session: AsyncSession, identity: ExternalIdentity) -> bool:
        """False when this person is linked already."""
        ...

    async def of_user(self, session: AsyncSession, user_id: str) -> Sequence[ExternalIdentity]:
        """All of a user, oldest first, held until the transaction ends."""
        ...

    async def remove(self, session: AsyncSession, identity_id: str) -> None:
        """From now on it opens nothing."""
        ...
