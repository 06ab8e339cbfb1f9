"""What the authorization server needs from outside."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.oauth.domain.access_token import SigningKey
from shared.events.envelope import Event
from shared.events.topics import Topic


class Publisher(Protocol):
    """The transactional outbox."""

    async def publish(self, session: AsyncSession, topic: Topic, key: str, event: Event) -> None:
        """Publish if and when the session's transaction commits."""
        ...


class TokenSigner(Protocol):
    """Makes keys and signatures; the only one that sees a private key."""

    def new_key(self, now: datetime) -> SigningKey:
        """A new active key, its private half encrypted."""
        ...

    def sign(self, key: SigningKey, claims: Mapping[str, str | int]) -> str:
        """A signed token of type `at+jwt`."""
        ...


class SigningKeyStore(Protocol):
    """Where signing keys are kept."""

    async def lock(self, session: AsyncSession) -> None:
        """One replica at a time changes keys."""
        ...

    async def active(self, session: AsyncSession) -> SigningKey | None:
        """The key that signs now."""
        ...

    async def valid(self, session: AsyncSession, now: datetime) -> Sequence[SigningKey]:
        """All whose tokens may still be out there."""
        ...

    async def page(self, session: AsyncSession, *, after: str, limit: int) -> Sequence[SigningKey]:
        """All there ever were, by kid. Under `lock`."""
        ...

    async def save(self, session: AsyncSession, key: SigningKey) -> None:
        """Keep a new or changed key."""
        ...
