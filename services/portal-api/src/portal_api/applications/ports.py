"""What the use cases of applications need from outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.applications.domain.application import Application
from portal_api.applications.domain.credentials import ApiKey, OAuthClient
from shared.events.envelope import Event
from shared.events.topics import Topic


class Publisher(Protocol):
    """The transactional outbox."""

    async def publish(self, session: AsyncSession, topic: Topic, key: str, event: Event) -> None:
        """Publish if and when the session's transaction commits."""
        ...


class Numbers(Protocol):
    """Integers for call records, given once."""

    async def __call__(self, session: AsyncSession) -> int:
        """The next number."""
        ...


class LiveSubscriptions(Protocol):
    """What deleting an application means for its subscriptions (they belong to the feature above)."""

    async def end_all(self, session: AsyncSession, application: Application, user_id: str) -> int:
        """Order the end of every live subscription; how many there are."""
        ...


class ApplicationStore(Protocol):
    """Where applications are kept."""

    async def add(self, session: AsyncSession, application: Application) -> None:
        """Keep a new application."""
        ...

    async def save(self, session: AsyncSession, application: Application) -> None:
        """Keep a changed application."""
        ...

    async def find(self, session: AsyncSession, application_id: str, *, lock: bool = False) -> Application | None:
        """By id; `lock` holds it against other writers until the transaction ends."""
        ...

    async def owned(
        self, session: AsyncSession, organization_id: str, developer_id: str, *, after: str | None, limit: int
    ) -> Sequence[Application]:
        """A developer's applications in an organization, by id, without deleted ones."""
        ...

    async def names(self, session: AsyncSession, application_ids: Sequence[str]) -> dict[str, str]:
        """By id; deleted ones too."""
        ...


class CredentialStore(Protocol):
    """Where credentials are kept: hashes, never secrets."""

    async def save_client(self, session: AsyncSession, client: OAuthClient) -> None:
        """Keep a new or changed OAuth2 client."""
        ...

    async def client(self, session: AsyncSession, client_id: str, *, lock: bool = False) -> OAuthClient | None:
        """By client_id."""
        ...

    async def clients(self, session: AsyncSession, application_id: str) -> Sequence[OAuthClient]:
        """All of an application, oldest first."""
        ...

    async def lock_clients(
        self, session: AsyncSession, *, after: str, limit: int
    ) -> Sequence[tuple[OAuthClient, Application]]:
        """Of all applications, by id, held against writers until the transaction ends."""
        ...

    async def touch_client(self, session: AsyncSession, client_id: str, at: datetime) -> None:
        """Its secret was used; kept to the minute."""
        ...

    async def lock_graces_over(
        self, session: AsyncSession, now: datetime, *, limit: int
    ) -> tuple[Sequence[OAuthClient], Sequence[ApiKey]]:
        """Credentials whose rotated secret is no longer valid, held until the transaction ends."""
        ...

    async def save_key(self, session: AsyncSession, key: ApiKey) -> None:
        """Keep a new or changed API key."""
        ...

    async def key(self, session: AsyncSession, key_id: str, *, lock: bool = False) -> ApiKey | None:
        """By id."""
        ...

    async def keys(self, session: AsyncSession, application_id: str) -> Sequence[ApiKey]:
        """All of an application, oldest first."""
        ...

    async def lock_keys(self, session: AsyncSession, *, after: str, limit: int) -> Sequence[tuple[ApiKey, Application]]:
        """As `lock_clients`."""
        ...
