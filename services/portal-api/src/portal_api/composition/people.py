"""Mail, identity, organizations and their members: settings -> adapters -> use cases."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from fastapi import APIRouter

from portal_api.audit.adapters.store import PostgresAuditStore
from portal_api.audit.use_cases import AuditLog
from portal_api.catalog.use_cases.reading import CatalogReader
from portal_api.http.dependencies import HttpDependencies
from portal_api.identity.adapters.attempts import PostgresAttempts
from portal_api.identity.adapters.credentials import PostgresCredentialRepository
from portal_api.identity.adapters.external import PostgresExternalIdentities
from portal_api.identity.adapters.oidc import AuthlibProviderClient
from portal_api.identity.adapters.passwords import Argon2Passwords
from portal_api.identity.adapters.repository import PostgresIdentityRepository, PostgresProofRepository
from portal_api.identity.domain.external import IdentityProvider
from portal_api.identity.entrypoints.external_routes import ExternalRoutes
from portal_api.identity.entrypoints.routes import IdentityRoutes
from portal_api.identity.use_cases.email_proofs import EmailProofs
from portal_api.identity.use_cases.external import ExternalSignIn
from portal_api.identity.use_cases.limiting import Limiter
from portal_api.identity.use_cases.passwords import Passwords
from portal_api.identity.use_cases.sessions import AccessTokens, Sessions
from portal_api.identity.use_cases.signing_in import SignIn
from portal_api.identity.use_cases.users import Identity
from portal_api.mail.adapters.composer import Composer
from portal_api.mail.adapters.queue import PostgresMailQueue
from portal_api.mail.adapters.smtp import NoTransport, SmtpServer, SmtpTransport
from portal_api.mail.entrypoints import timers
from portal_api.mail.ports import Transport
from portal_api.mail.use_cases import Deliveries, Mailer
from portal_api.organizations.adapters.branding_store import PostgresBrandings
from portal_api.organizations.adapters.invitations import PostgresInvitations
from portal_api.organizations.adapters.logo_maker import PillowLogos
from portal_api.organizations.adapters.repository import PostgresOrganizationRepository
from portal_api.organizations.entrypoints.branding_routes import create_router as branding_router
from portal_api.organizations.entrypoints.member_routes import MemberRoutes
from portal_api.organizations.entrypoints.member_routes import create_router as member_router
from portal_api.organizations.entrypoints.routes import create_router as organization_router
from portal_api.organizations.use_cases import Organizations
from portal_api.organizations.use_cases.branding import Brandings
from portal_api.organizations.use_cases.invitations import Invitations
from portal_api.organizations.use_cases.members import Members
from portal_api.settings import Settings
from portal_api.web.console.members import MemberPages
from portal_api.web.kit.pages import Kit
from portal_api.web.portal.agents import create_router as agents_router
from portal_api.web.signin.account import AccountPages
from portal_api.web.signin.pages import SignInPages
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.outbox import Outbox

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class People:
    """Use cases of mail, identity and membership."""

    mailer: Mailer
    deliveries: Deliveries
    limiter: Limiter
    users: PostgresIdentityRepository
    identity: Identity
    sign_in: SignIn
    sessions: Sessions
    tokens: AccessTokens
    proofs: EmailProofs
    passwords: Passwords
    external: ExternalSignIn
    organizations: Organizations
    members: Members
    invitations: Invitations
    log: AuditLog
    brandings: Brandings

    def routes(self, http: HttpDependencies, *, secure_cookies: bool) -> IdentityRoutes:
        """What identity's router needs."""
        return IdentityRoutes(
            http=http,
            identity=self.identity,
            sign_in=self.sign_in,
            sessions=self.sessions,
            tokens=self.tokens,
            proofs=self.proofs,
            passwords=self.passwords,
            secure_cookies=secure_cookies,
        )

    def external_routes(self, http: HttpDependencies, *, secure_cookies: bool) -> ExternalRoutes:
        """What the router of signing in elsewhere needs."""
        return ExternalRoutes(http, self.external, secure_cookies)

    def organization_routers(self, http: HttpDependencies) -> tuple[APIRouter, ...]:
        """Organizations, members, brandings."""
        members = MemberRoutes(http, self.organizations, self.members, self.invitations, self.proofs)
        return (
            organization_router(http, self.organizations),
            member_router(members),
            branding_router(http, self.brandings),
        )

    def sign_in_pages(self, kit: Kit) -> SignInPages:
        """What the pages of signing in and of the account need."""
        account = AccountPages(kit, self.identity, self.sessions, self.tokens, self.passwords, self.external, self.log)
        return SignInPages(
            kit=kit,
            identity=self.identity,
            sign_in=self.sign_in,
            sessions=self.sessions,
            organizations=self.organizations,
            external=self.external,
            account=account,
            invitations=self.invitations,
            proofs=self.proofs,
            brandings=self.brandings,
        )

    def agent_pages(self, kit: Kit, catalog: CatalogReader) -> APIRouter:
        """The catalogue for agents."""
        return agents_router(kit, catalog, self.brandings)

    def member_pages(self) -> MemberPages:
        """What the Console's pages of members and of the audit log need."""
        return MemberPages(self.organizations, self.members, self.invitations, self.log)

    @property
    def runners(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """What works beside the requests."""
        return (lambda: timers.run(self.deliveries),)


def build_people(settings: Settings, outbox: Outbox, uow: UnitOfWork) -> People:
    """Wire it; nothing runs yet."""
    queue = PostgresMailQueue(settings.encryption_key_bytes)
    mailer, limiter = Mailer(queue), Limiter(PostgresAttempts())
    users, credentials, hasher = PostgresIdentityRepository(), PostgresCredentialRepository(), Argon2Passwords()
    proofs = EmailProofs(users, PostgresProofRepository(), mailer, limiter, settings.public_url)
    sessions, tokens = Sessions(credentials), AccessTokens(credentials)
    identity = Identity(users, hasher, outbox, proofs, limiter, sign_ups_per_hour=settings.sign_ups_per_hour)
    organization_rows = PostgresOrganizationRepository()
    organizations = Organizations(organization_rows)
    external = ExternalSignIn(
        uow=uow,
        providers=_providers(settings),
        client=AuthlibProviderClient(),
        identities=PostgresExternalIdentities(),
        users=users,
        identity=identity,
        sessions=sessions,
        proofs=proofs,
        public_url=settings.public_url,
    )
    return People(
        mailer=mailer,
        deliveries=Deliveries(queue, _transport(settings), uow),
        limiter=limiter,
        users=users,
        identity=identity,
        sign_in=SignIn(uow, users, hasher, sessions, limiter),
        sessions=sessions,
        tokens=tokens,
        proofs=proofs,
        passwords=Passwords(uow, users, credentials, hasher, proofs, identity),
        external=external,
        organizations=organizations,
        members=Members(organizations, organization_rows),
        invitations=Invitations(organizations, organization_rows, PostgresInvitations(), identity, proofs),
        brandings=Brandings(organizations, PostgresBrandings(), PillowLogos()),
        log=AuditLog(PostgresAuditStore(), organizations),
    )


def _providers(settings: Settings) -> dict[str, IdentityProvider]:
    return {
        one.id: IdentityProvider(
            id=one.id,
            name=one.name,
            kind=one.kind,
            issuer=(one.issuer or "https://github.com").rstrip("/"),
            client_id=one.client_id,
            client_secret=one.client_secret,
            trust_email=one.trust_email,
            api_url=one.api_url.rstrip("/"),
        )
        for one in settings.identity_providers
    }


def _transport(settings: Settings) -> Transport:
    if not settings.smtp_host:
        log.warning("no mail server is set (TOLLWAY_SMTP_HOST): mails wait in the database")
        return NoTransport()
    server = SmtpServer(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_security,
        settings.smtp_username,
        settings.smtp_password,
    )
    return SmtpTransport(server, Composer(settings.mail_from, settings.public_url))
