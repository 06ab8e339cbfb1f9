"""Issue access tokens and look after the keys that sign them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.applications.domain.application import MAX_LIFETIME_SECONDS, Application
from portal_api.applications.domain.credentials import OAuthClient
from portal_api.applications.use_cases.credentials import Credentials
from portal_api.oauth.domain.access_token import SigningKey, TokenSubject, claims_for, is_due_for_rotation
from portal_api.oauth.domain.attempts import Attempts
from portal_api.oauth.domain.token_request import OAuthError, TokenRequest, invalid_client
from portal_api.oauth.ports import Publisher, SigningKeyStore, TokenSigner
from shared.clock import real_now
from shared.errors import DomainError
from shared.events.identity import SigningKeyState
from shared.events.topics import IDENTITY_SIGNING_KEYS
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token and its life."""

    access_token: str
    expires_in_seconds: int


@dataclass(frozen=True, slots=True)
class AuthorizationServer:
    """The use cases, with what they need."""

    issuer: str
    credentials: Credentials
    keys: SigningKeyStore
    signer: TokenSigner
    publisher: Publisher
    attempts: Attempts

    async def issue_token(self, session: AsyncSession, request: TokenRequest, address: str) -> IssuedToken:
        """A token for a client that proves its secret. Raises OAuthError."""
        now = real_now()
        wait = self.attempts.retry_after_seconds(address, request.client_id, now)
        if wait:
            description = "Too many failed authentications. Wait, then try with the right secret."
            raise OAuthError("temporarily_unavailable", description, 429, wait)
        found = await self.credentials.authenticate(session, request.client_id, request.client_secret)
        if found is None:
            self.attempts.failed(address, request.client_id, now)
            raise invalid_client()
        return await self._sign(session, found.client, found.application, found.generation)

    async def generate_token(self, session: AsyncSession, application: Application, client_id: str) -> IssuedToken:
        """The page's "Generate" button: the owner needs no secret for a token of their own client."""
        client = await self.credentials.client(session, application, client_id)
        if client.status != "active" or application.status != "active":
            raise DomainError("credential-revoked", 409, "The OAuth2 client is revoked", "Create another one.")
        return await self._sign(session, client, application, client.generation)

    async def ensure_signing_key(self, session: AsyncSession) -> SigningKey:
        """The active key; made at the first start, replaced when it is due."""
        await self.keys.lock(session)
        active = await self.keys.active(session)
        if active is not None and not is_due_for_rotation(active, real_now()):
            return active
        return await self.rotate_signing_key(session)

    async def rotate_signing_key(self, session: AsyncSession) -> SigningKey:
        """Another key signs from now on; the old one verifies until its last token has expired."""
        await self.keys.lock(session)
        now = real_now()
        old = await self.keys.active(session)
        if old is not None:
            last = now + timedelta(seconds=MAX_LIFETIME_SECONDS)
            retired = replace(old, active=False, version=old.version + 1, not_after=min(old.not_after, last))
            await self._keep(session, retired)
        key = self.signer.new_key(now)
        await self._keep(session, key)
        return key

    async def valid_keys(self, session: AsyncSession) -> Sequence[SigningKey]:
        """For the JWKS document."""
        return await self.keys.valid(session, real_now())

    async def republish_signing_keys(self, session: AsyncSession, *, after: str, limit: int) -> list[str]:
        """Publish the next keys as they are; their kids. Waits for a rotation, as a rotation waits for it."""
        await self.keys.lock(session)
        keys = await self.keys.page(session, after=after, limit=limit)
        for key in keys:
            await self._publish(session, key)
        return [key.kid for key in keys]

    async def _sign(
        self, session: AsyncSession, client: OAuthClient, application: Application, generation: int
    ) -> IssuedToken:
        key = await self.keys.active(session)
        if key is None:
            key = await self.ensure_signing_key(session)
        subject = TokenSubject(
            client_id=client.id,
            organization_id=application.organization_id,
            generation=generation,
            lifetime_seconds=application.access_token_lifetime_seconds,
        )
        claims = claims_for(subject, issuer=self.issuer, token_id=new_id("tok"), now=real_now())
        return IssuedToken(self.signer.sign(key, claims), subject.lifetime_seconds)

    async def _keep(self, session: AsyncSession, key: SigningKey) -> None:
        await self.keys.save(session, key)
        await self._publish(session, key)

    async def _publish(self, session: AsyncSession, key: SigningKey) -> None:
        state = SigningKeyState(
            version=key.version,
            kid=key.kid,
            public_jwk=key.public_jwk,
            not_before=key.not_before,
            not_after=key.not_after,
        )
        await self.publisher.publish(session, IDENTITY_SIGNING_KEYS, key.kid, state)
