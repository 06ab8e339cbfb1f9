"""Issue, list and revoke credentials. A secret leaves here once, to be shown, and is kept nowhere."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.applications.domain.application import Application, check_active
from portal_api.applications.domain.credentials import (
    KEY_PREFIXES,
    MAX_CREDENTIALS_PER_APPLICATION,
    SHOWN_PREFIX_CHARACTERS,
    ApiKey,
    CredentialEnvironment,
    OAuthClient,
    check_grace,
    client_state,
    end_grace,
    end_key_grace,
    generation_of,
    hash_secret,
    is_secret,
    key_state,
    revoke_client,
    revoke_key,
    revoke_tokens,
    rotate_key,
    rotate_secret,
)
from portal_api.applications.ports import ApplicationStore, CredentialStore, Publisher
from shared.clock import real_now
from shared.errors import DomainError
from shared.events.topics import IDENTITY_CREDENTIALS
from shared.ids import new_id, new_secret


@dataclass(frozen=True, slots=True)
class AuthenticatedClient:
    """A client that proved its secret, the application it belongs to, and what its token must carry."""

    client: OAuthClient
    application: Application
    generation: int


@dataclass(frozen=True, slots=True)
class Credentials:
    """The use cases, with what they need. `application` is always one that the caller owns."""

    store: CredentialStore
    applications: ApplicationStore
    publisher: Publisher

    async def create_client(
        self, session: AsyncSession, application: Application, environment: CredentialEnvironment
    ) -> tuple[OAuthClient, str]:
        """A client with its secret: the only time that it is seen."""
        check_active(application)
        _check_count(await self.store.clients(session, application.id))
        secret = new_secret(32)
        client = OAuthClient(
            id=new_id("client"),
            application_id=application.id,
            environment=environment,
            secret_hash=hash_secret(secret),
            status="active",
            version=1,
            min_generation=0,
            created_at=real_now(),
        )
        await self._keep_client(session, application, client)
        return client, secret

    async def clients(self, session: AsyncSession, application: Application) -> Sequence[OAuthClient]:
        """All, oldest first; revoked ones too."""
        return await self.store.clients(session, application.id)

    async def client(
        self, session: AsyncSession, application: Application, client_id: str, *, lock: bool = False
    ) -> OAuthClient:
        """One of this application."""
        client = await self.store.client(session, client_id, lock=lock)
        if client is None or client.application_id != application.id:
            raise _no_such("OAuth2 client", client_id)
        return client

    async def revoke_client(self, session: AsyncSession, application: Application, client_id: str) -> OAuthClient:
        """Off at once, its tokens too."""
        client = await self.client(session, application, client_id, lock=True)
        revoked = revoke_client(client, real_now())
        if revoked is not client:
            await self._keep_client(session, application, revoked)
        return revoked

    async def revoke_tokens(self, session: AsyncSession, application: Application, client_id: str) -> OAuthClient:
        """End the tokens issued so far."""
        client = _check_live(await self.client(session, application, client_id, lock=True))
        client = revoke_tokens(client)
        await self._keep_client(session, application, client)
        return client

    async def rotate_client(
        self, session: AsyncSession, application: Application, client_id: str, *, grace_seconds: int = 0
    ) -> tuple[OAuthClient, str]:
        """Another secret, shown once; the old one and its tokens end when the grace is over."""
        grace = check_grace(grace_seconds)
        client = _check_live(await self.client(session, application, client_id, lock=True))
        secret = new_secret(32)
        client = rotate_secret(client, hash_secret(secret), real_now(), grace)
        await self._keep_client(session, application, client)
        return client, secret

    async def end_grace(self, session: AsyncSession, application: Application, client_id: str) -> OAuthClient:
        """The rotated secret ends before its time. Without one nothing changes."""
        client = await self.client(session, application, client_id, lock=True)
        ended = end_grace(client)
        if ended is not client:
            await self._keep_client(session, application, ended)
        return ended

    async def end_graces(self, session: AsyncSession, *, limit: int = 100) -> int:
        """Rotated secrets whose time is over end, and the gateways hear of it; how many there were."""
        clients, keys = await self.store.lock_graces_over(session, real_now(), limit=limit)
        for client in clients:
            application = await self.applications.find(session, client.application_id)
            if application is not None:
                await self._keep_client(session, application, end_grace(client))
        for key in keys:
            application = await self.applications.find(session, key.application_id)
            if application is not None:
                await self._keep_key(session, application, end_key_grace(key))
        return len(clients) + len(keys)

    async def create_key(
        self, session: AsyncSession, application: Application, environment: CredentialEnvironment
    ) -> tuple[ApiKey, str]:
        """An API key: the only time that it is seen whole."""
        check_active(application)
        _check_count(await self.store.keys(session, application.id))
        secret = KEY_PREFIXES[environment] + new_secret(32)
        key = ApiKey(
            id=new_id("key"),
            application_id=application.id,
            environment=environment,
            prefix=secret[:SHOWN_PREFIX_CHARACTERS],
            key_hash=hash_secret(secret),
            status="active",
            version=1,
            created_at=real_now(),
        )
        await self._keep_key(session, application, key)
        return key, secret

    async def keys(self, session: AsyncSession, application: Application) -> Sequence[ApiKey]:
        """All, oldest first; revoked ones too."""
        return await self.store.keys(session, application.id)

    async def revoke_key(self, session: AsyncSession, application: Application, key_id: str) -> ApiKey:
        """Off at once."""
        key = await self.store.key(session, key_id, lock=True)
        if key is None or key.application_id != application.id:
            raise _no_such("API key", key_id)
        revoked = revoke_key(key, real_now())
        if revoked is not key:
            await self._keep_key(session, application, revoked)
        return revoked

    async def rotate_key(
        self, session: AsyncSession, application: Application, key_id: str, *, grace_seconds: int = 0
    ) -> tuple[ApiKey, str]:
        """Another key under the same id, shown once; the old one is valid until the grace is over."""
        grace = check_grace(grace_seconds)
        key = await self.store.key(session, key_id, lock=True)
        if key is None or key.application_id != application.id:
            raise _no_such("API key", key_id)
        if key.status != "active":
            raise DomainError("credential-revoked", 409, "The API key is revoked", "Create another one.")
        secret = KEY_PREFIXES[key.environment] + new_secret(32)
        rotated = rotate_key(key, secret, real_now(), grace)
        await self._keep_key(session, application, rotated)
        return rotated, secret

    async def revoke_all(self, session: AsyncSession, application: Application) -> None:
        """The application is being deleted."""
        for client in await self.store.clients(session, application.id):
            await self.revoke_client(session, application, client.id)
        for key in await self.store.keys(session, application.id):
            await self.revoke_key(session, application, key.id)

    async def authenticate(self, session: AsyncSession, client_id: str, secret: str) -> AuthenticatedClient | None:
        """The client with this id and secret, if it is live. Which of the two was wrong, nobody learns."""
        client = await self.store.client(session, client_id)
        now = real_now()
        if client is None:
            # The comparison runs for an unknown client too, so that time tells nothing.
            is_secret(secret, hash_secret(""))
            return None
        generation = generation_of(client, secret, now)
        if generation is None or client.status != "active":
            return None
        application = await self.applications.find(session, client.application_id)
        if application is None or application.status != "active":
            return None
        await self.store.touch_client(session, client.id, now)
        return AuthenticatedClient(client, application, generation)

    async def republish_clients(self, session: AsyncSession, *, after: str, limit: int) -> list[str]:
        """Publish the next OAuth2 clients of all applications as they are, revoked ones too; their ids."""
        clients = await self.store.lock_clients(session, after=after, limit=limit)
        for client, application in clients:
            await self._publish_client(session, application, client)
        return [client.id for client, _ in clients]

    async def republish_keys(self, session: AsyncSession, *, after: str, limit: int) -> list[str]:
        """Publish the next API keys of all applications as they are, revoked ones too; their ids."""
        keys = await self.store.lock_keys(session, after=after, limit=limit)
        for key, application in keys:
            await self._publish_key(session, application, key)
        return [key.id for key, _ in keys]

    async def _keep_client(self, session: AsyncSession, application: Application, client: OAuthClient) -> None:
        await self.store.save_client(session, client)
        await self._publish_client(session, application, client)

    async def _publish_client(self, session: AsyncSession, application: Application, client: OAuthClient) -> None:
        state = client_state(client, application_number=application.number, organization_id=application.organization_id)
        await self.publisher.publish(session, IDENTITY_CREDENTIALS, client.id, state)

    async def _keep_key(self, session: AsyncSession, application: Application, key: ApiKey) -> None:
        await self.store.save_key(session, key)
        await self._publish_key(session, application, key)

    async def _publish_key(self, session: AsyncSession, application: Application, key: ApiKey) -> None:
        state = key_state(key, application_number=application.number, organization_id=application.organization_id)
        await self.publisher.publish(session, IDENTITY_CREDENTIALS, key.id, state)


def _check_count(existing: Sequence[OAuthClient] | Sequence[ApiKey]) -> None:
    live = sum(1 for credential in existing if credential.status == "active")
    if live >= MAX_CREDENTIALS_PER_APPLICATION:
        raise DomainError(
            "too-many-credentials",
            409,
            "Too many credentials",
            f"An application can have {MAX_CREDENTIALS_PER_APPLICATION} live ones. Revoke one that is not in use.",
        )


def _check_live(client: OAuthClient) -> OAuthClient:
    if client.status == "active":
        return client
    raise DomainError("credential-revoked", 409, "The OAuth2 client is revoked", "Create another one.")


def _no_such(kind: str, given: str) -> DomainError:
    return DomainError(
        "credential-not-found",
        404,
        f"No such {kind}",
        f"This application has no {kind} {given[:64]!r}. List them to find its id.",
    )
