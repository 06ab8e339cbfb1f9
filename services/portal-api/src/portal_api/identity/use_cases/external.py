"""Sign in elsewhere, and link that to an account here. Only an address that both sides have proven links by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.domain.access import Actor
from portal_api.identity.domain.external import (
    FLOW_LIFE,
    ExternalClaims,
    ExternalIdentity,
    IdentityProvider,
    SignInFlow,
)
from portal_api.identity.domain.limits import SIGN_IN_PER_ADDRESS
from portal_api.identity.domain.user import Origin, User, normalize_email, token_hash
from portal_api.identity.ports import (
    ExternalIdentityRepository,
    IdentityRepository,
    ProviderAway,
    ProviderClient,
    ProviderRefused,
)
from portal_api.identity.use_cases.email_proofs import EmailProofs
from portal_api.identity.use_cases.limiting import too_many
from portal_api.identity.use_cases.sessions import Sessions, SignedIn
from portal_api.identity.use_cases.users import Identity
from shared.clock import real_now
from shared.db.unit_of_work import UnitOfWork
from shared.errors import DomainError
from shared.ids import new_id, new_secret

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser goes, and what it keeps to prove that the same one comes back."""

    url: str
    browser_secret: str


@dataclass(frozen=True, slots=True)
class ExternalSignIn:
    """The use cases, with what they need. Opens its own transactions: none is held while a provider is asked."""

    uow: UnitOfWork
    providers: Mapping[str, IdentityProvider]
    client: ProviderClient
    identities: ExternalIdentityRepository
    users: IdentityRepository
    identity: Identity
    sessions: Sessions
    proofs: EmailProofs
    public_url: str

    async def begin(
        self, provider_id: str, *, next_path: str, origin: Origin, link_for: Actor | None = None
    ) -> Departure:
        """Send a browser to a provider."""
        provider = self._provider(provider_id)
        if link_for is not None and not link_for.email_verified:
            detail = "Confirm your e-mail address first: the link is in your mailbox, or ask for another mail."
            raise DomainError("email-not-verified", 403, "Your e-mail address is not confirmed", detail)
        now, state, browser, nonce, verifier = real_now(), new_secret(), new_secret(), new_secret(), new_secret(48)
        flow = SignInFlow(
            state_sha256=token_hash(state),
            browser_sha256=token_hash(browser),
            provider_id=provider.id,
            nonce=nonce,
            code_verifier=verifier,
            next_path=next_path,
            link_user_id=link_for.user_id if link_for else None,
            created_at=now,
            expires_at=now + FLOW_LIFE,
        )
        async with self.uow.transaction() as session:
            limits = {f"sign-in-elsewhere:{origin.address}": SIGN_IN_PER_ADDRESS}
            opens = await self.proofs.limiter.opens_at(session, limits)
            if opens is None:
                await self.identities.add_flow(session, flow)
        if opens is not None:
            raise too_many("too-many-requests", "Too many sign-ins begun", opens)
        try:
            url = await self.client.authorization_url(
                provider, redirect_uri=self._redirect_uri(provider), state=state, nonce=nonce, code_verifier=verifier
            )
        except ProviderAway as error:
            raise _away(provider, error) from error
        return Departure(url, browser)

    async def finish(
        self, provider_id: str, *, state: str, code: str, browser_secret: str, origin: Origin
    ) -> tuple[SignedIn, str]:
        """A browser is back: the session, and where it wanted to go."""
        provider = self._provider(provider_id)
        async with self.uow.transaction() as session:
            flow = await self.identities.take_flow(session, token_hash(state), real_now())
        if flow is None or flow.provider_id != provider.id or flow.browser_sha256 != token_hash(browser_secret):
            detail = "It took too long, was finished before, or began in another browser. Begin again."
            raise DomainError("sign-in-expired", 422, "This sign-in is not valid any more", detail)
        try:
            claims = await self.client.claims(
                provider,
                redirect_uri=self._redirect_uri(provider),
                code=code,
                nonce=flow.nonce,
                code_verifier=flow.code_verifier,
            )
        except ProviderAway as error:
            raise _away(provider, error) from error
        except ProviderRefused as error:
            log.warning("a provider's answer was refused", provider=provider.id, reason=str(error))
            detail = f"The answer of {provider.name} could not be verified. Try again; if it stays, tell the operator."
            raise DomainError("provider-refused", 403, "Signing in elsewhere failed", detail) from error
        async with self.uow.transaction() as session:
            found = await self._user(session, provider, flow, claims)
            if found is not None:
                await self.proofs.limiter.take_back(session, f"sign-in-elsewhere:{origin.address}")
                return await self.sessions.open(session, found, origin), flow.next_path
        # Committed: the mail must go out although the sign-in is refused.
        detail = (
            f"There is an account with {claims.email} whose address was never confirmed. We sent a mail there: choose "
            f"a password with its link, then sign in with {provider.name} again."
        )
        raise DomainError("account-not-confirmed", 403, "Confirm the account first", detail)

    async def linked(self, session: AsyncSession, actor: Actor) -> Sequence[ExternalIdentity]:
        """How the actor can sign in elsewhere."""
        return await self.identities.of_user(session, actor.user_id)

    async def unlink(self, session: AsyncSession, actor: Actor, identity_id: str) -> None:
        """Never the last way in."""
        identities = await self.identities.of_user(session, actor.user_id)
        if identity_id not in {identity.id for identity in identities}:
            detail = "You have no such link. List them to see which there are."
            raise DomainError("identity-not-found", 404, "No such linked sign-in", detail)
        found = await self.users.user_by_email(session, actor.email)
        if len(identities) == 1 and (found is None or found[1] is None):
            detail = "It is your only way to sign in. Choose a password first (`Forgot your password?`)."
            raise DomainError("last-sign-in", 409, "Your only way to sign in", detail)
        await self.identities.remove(session, identity_id)

    async def _user(
        self, session: AsyncSession, provider: IdentityProvider, flow: SignInFlow, claims: ExternalClaims
    ) -> User | None:
        """The user that came back; None where their account here was never proven."""
        known = await self.identities.find(session, claims.issuer, claims.subject)
        if flow.link_user_id is not None:
            return await self._link_to(session, provider, claims, known, flow.link_user_id)
        if known is not None:
            return await self.users.user(session, known.user_id)
        if claims.email is None or not (claims.email_verified or provider.trust_email):
            detail = f"{provider.name} does not say that your e-mail address is verified. Verify it there, or sign up."
            raise DomainError("provider-email-not-verified", 403, "The e-mail address is not verified", detail)
        found = await self.users.user_by_email(session, normalize_email(claims.email))
        if found is None:
            return await self._sign_up(session, provider, claims)
        user = found[0]
        if not user.email_verified:
            # Whoever made it may be a stranger who waits for the owner: only the mailbox decides.
            await self.proofs.send_reset(session, user)
            return None
        await self._link(session, provider, claims, user)
        return user

    async def _sign_up(self, session: AsyncSession, provider: IdentityProvider, claims: ExternalClaims) -> User:
        user = self.identity.new_user(email=claims.email or "", name=claims.name, verified=True)
        if not await self.users.add_user(session, user, None):
            raise DomainError("sign-in-expired", 422, "This sign-in is not valid any more", "Begin again.")
        await self.identity.publish(session, user)
        await self._link(session, provider, claims, user, tell=False)
        return user

    async def _link_to(
        self,
        session: AsyncSession,
        provider: IdentityProvider,
        claims: ExternalClaims,
        known: ExternalIdentity | None,
        user_id: str,
    ) -> User | None:
        user = await self.users.user(session, user_id)
        if user is None or (known is not None and known.user_id != user_id):
            detail = f"This person at {provider.name} signs in to another account here. Unlink it there first."
            raise DomainError("identity-linked-elsewhere", 409, "Linked to another account", detail)
        if known is None:
            await self._link(session, provider, claims, user)
        return user

    async def _link(
        self,
        session: AsyncSession,
        provider: IdentityProvider,
        claims: ExternalClaims,
        user: User,
        *,
        tell: bool = True,
    ) -> None:
        identity = ExternalIdentity(
            id=new_id("ext"),
            issuer=claims.issuer,
            subject=claims.subject,
            provider_id=provider.id,
            user_id=user.id,
            email=claims.email or "",
            linked_at=real_now(),
        )
        await self.identities.add(session, identity)
        if tell:
            values = {
                "provider": provider.name,
                "name": user.name,
                "email": user.email,
                "link": f"{self.public_url}/profile",
            }
            await self.proofs.notify(session, "sign_in_linked", user.email, values)

    def _provider(self, provider_id: str) -> IdentityProvider:
        provider = self.providers.get(provider_id)
        if provider is None:
            detail = "Nobody can sign in that way here. See which ways there are on the sign-in page."
            raise DomainError("provider-not-found", 404, "No such identity provider", detail)
        return provider

    def _redirect_uri(self, provider: IdentityProvider) -> str:
        return f"{self.public_url}/sign-in/with/{provider.id}/callback"


def _away(provider: IdentityProvider, error: ProviderAway) -> DomainError:
    log.warning("an identity provider is away", provider=provider.id, reason=str(error))
    detail = f"{provider.name} does not answer. Try again in a moment, or sign in with your password."
    return DomainError("provider-unreachable", 503, "The identity provider does not answer", detail)
