"""Composition root: settings -> adapters -> use cases -> entrypoints. Nothing else knows what is real."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from portal_api import metrics
from portal_api.applications.adapters.store import PostgresApplications, PostgresCredentials
from portal_api.applications.entrypoints.routes import ApplicationRoutes
from portal_api.applications.entrypoints.routes import create_router as application_router
from portal_api.applications.entrypoints.timers import end_graces_in_time
from portal_api.applications.use_cases.applications import Applications
from portal_api.applications.use_cases.credentials import Credentials
from portal_api.audit.entrypoints.routes import AuditRoutes
from portal_api.audit.entrypoints.routes import create_router as audit_router
from portal_api.billing.adapters.changes import Changes
from portal_api.billing.adapters.provider_store import PostgresProviderView
from portal_api.billing.adapters.sealer import SealedBoxSealer
from portal_api.billing.adapters.subscription_store import PostgresConnections, PostgresSubscriptions
from portal_api.billing.adapters.telling_store import PostgresTellings
from portal_api.billing.adapters.usage_store import PostgresInvoices, PostgresUsage
from portal_api.billing.entrypoints.consumers import GROUP, handlers
from portal_api.billing.entrypoints.routes import BillingRoutes
from portal_api.billing.entrypoints.routes import create_router as billing_router
from portal_api.billing.entrypoints.timers import tell_usage
from portal_api.billing.use_cases.plan_estimates import Estimates
from portal_api.billing.use_cases.projections import Projections
from portal_api.billing.use_cases.provider_billing import ProviderBilling
from portal_api.billing.use_cases.stripe_credentials import StripeCredentials
from portal_api.billing.use_cases.subscriptions import SubscriptionEnding, Subscriptions
from portal_api.billing.use_cases.telling_usage import UsageTelling
from portal_api.billing.use_cases.usage_history import UsageHistories
from portal_api.billing.use_cases.usage_summary import BillingReader
from portal_api.catalog.adapters.addresses import Addresses
from portal_api.catalog.adapters.contract_fetcher import HttpContractFetcher
from portal_api.catalog.adapters.contract_reader import OpenApiReader
from portal_api.catalog.adapters.repository import PostgresCatalogRepository
from portal_api.catalog.entrypoints.routes import CatalogUseCases
from portal_api.catalog.entrypoints.routes import create_router as catalog_router
from portal_api.catalog.use_cases.deploying import Deployments
from portal_api.catalog.use_cases.importing import ImportApi
from portal_api.catalog.use_cases.plans import Plans
from portal_api.catalog.use_cases.portal import PortalCatalog
from portal_api.catalog.use_cases.reading import CatalogReader
from portal_api.catalog.use_cases.releasing import Releases
from portal_api.catalog.use_cases.republishing import CatalogRepublishing
from portal_api.composition.console import BillingFacts, console_of
from portal_api.composition.payments import Payments, payments
from portal_api.composition.people import People, build_people
from portal_api.composition.republication import Republication, RepublishPage
from portal_api.http.application import create_app
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.idempotency import Idempotency
from portal_api.http.request_context import AuditedUnitOfWork
from portal_api.identity.entrypoints.authentication import SESSION_COOKIE, Authenticator
from portal_api.identity.entrypoints.external_routes import create_router as external_router
from portal_api.identity.entrypoints.routes import create_router as identity_router
from portal_api.mail.use_cases import Deliveries
from portal_api.oauth.adapters.key_store import PostgresSigningKeys
from portal_api.oauth.adapters.token_signer import JoseTokenSigner
from portal_api.oauth.domain.attempts import Attempts
from portal_api.oauth.entrypoints.routes import OAuthRoutes
from portal_api.oauth.entrypoints.routes import create_router as oauth_router
from portal_api.oauth.use_cases import AuthorizationServer
from portal_api.organizations.use_cases import Organizations
from portal_api.settings import Settings
from portal_api.storage.numbers import next_number
from portal_api.web.console.pages import create_router as console_router
from portal_api.web.kit.live import Live
from portal_api.web.kit.pages import Kit
from portal_api.web.portal.pages import DeveloperPortal
from portal_api.web.portal.pages import create_router as portal_router
from portal_api.web.signin.pages import create_last_router
from portal_api.web.signin.pages import create_router as sign_in_router
from shared.addresses import parse_allowed
from shared.clock import Clock, OffsetClock, SystemClock
from shared.db import migrate
from shared.db.engine import create_engine, session_factory
from shared.db.unit_of_work import UnitOfWork
from shared.http.operations import Readiness, operations_app, serve
from shared.messaging.broker import create_broker
from shared.messaging.consumer import TransactionalConsumer
from shared.messaging.outbox import Outbox, OutboxRelay
from shared.messaging.sandbox_clock import follow_sandbox_clock
from shared.observability.logs import configure_logging
from shared.service import main as run_main
from shared.service import run_service

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider's side: organizations, catalogue."""

    organizations: Organizations
    repository: PostgresCatalogRepository
    catalog: CatalogUseCases


@dataclass(frozen=True, slots=True)
class Developer:
    """The developer's side: applications, tokens, billing."""

    applications: Applications
    credentials: Credentials
    server: AuthorizationServer
    subscriptions: Subscriptions
    reader: BillingReader
    provider: ProviderBilling
    stripe: StripeCredentials
    payments: Payments
    projections: Projections
    telling: UsageTelling


@dataclass(frozen=True, slots=True)
class PortalApi:
    """A service ready to run: `app` answers, `runners` work."""

    app: FastAPI
    engine: AsyncEngine
    uow: UnitOfWork
    server: AuthorizationServer
    deliveries: Deliveries
    readiness: Readiness
    runners: tuple[Callable[[], Awaitable[None]], ...]


def _provider(settings: Settings, people: People, outbox: Outbox, clock: Clock) -> Provider:
    organizations = people.organizations
    repository = PostgresCatalogRepository()
    reader = CatalogReader(repository, organizations, settings.gateway_url)
    addresses = Addresses(parse_allowed(settings.allowed_private_addresses))
    billing = BillingFacts(PostgresConnections(), PostgresSubscriptions())
    contracts = OpenApiReader()
    catalog = CatalogUseCases(
        reader=reader,
        portal=PortalCatalog(repository, organizations, reader, contracts),
        imports=ImportApi(repository, organizations, reader, HttpContractFetcher(addresses), contracts, outbox, clock),
        deployments=Deployments(repository, reader, addresses, outbox, clock),
        releases=Releases(repository, reader, billing, outbox, clock),
        plans=Plans(repository, reader, organizations, billing, outbox, clock),
    )
    return Provider(organizations, repository, catalog)


def _developer(settings: Settings, provider: Provider, outbox: Outbox, clock: Clock) -> Developer:
    subscriptions, connections = PostgresSubscriptions(), PostgresConnections()
    usage, invoices = PostgresUsage(), PostgresInvoices()
    store = PostgresApplications()
    credentials = Credentials(PostgresCredentials(), store, outbox)
    ending = SubscriptionEnding(subscriptions, outbox, clock)
    applications = Applications(store, next_number, clock, credentials, ending)
    stripe = StripeCredentials(
        connections, outbox, SealedBoxSealer(settings.billing_sealing_public_key), provider.organizations
    )
    sales = Subscriptions(
        store=subscriptions,
        publisher=outbox,
        clock=clock,
        applications=applications,
        organizations=provider.organizations,
        catalog=provider.catalog.reader,
        stripe=stripe,
        ending=ending,
        portal_url=settings.public_url,
    )
    reader = BillingReader(subscriptions, usage, invoices, applications, provider.repository, clock)
    telling = UsageTelling(PostgresTellings(), reader, outbox)
    paying = payments(sales, provider.organizations, outbox, settings.public_url)
    return Developer(
        applications=applications,
        credentials=credentials,
        server=AuthorizationServer(
            issuer=settings.public_url,
            credentials=credentials,
            keys=PostgresSigningKeys(),
            signer=JoseTokenSigner(settings.encryption_key_bytes),
            publisher=outbox,
            attempts=Attempts(),
        ),
        subscriptions=sales,
        reader=reader,
        provider=ProviderBilling(
            PostgresProviderView(), usage, provider.organizations, provider.catalog.reader, provider.repository, clock
        ),
        stripe=stripe,
        payments=paying,
        projections=Projections(
            subscriptions, usage, invoices, connections, paying.sessions, applications, PostgresProviderView(), telling
        ),
        telling=telling,
    )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What requests need beside the use cases."""

    uow: UnitOfWork
    clock: Clock
    changes: Changes
    live: Live
    people: People


def _app(settings: Settings, around: Surroundings, provider: Provider, developer: Developer) -> FastAPI:
    uow = around.uow
    people = around.people
    authenticator = Authenticator(people.sessions, people.tokens, uow)
    http = HttpDependencies(
        uow=uow,
        idempotency=Idempotency(uow),
        current_actor=authenticator.current_actor,
        optional_actor=authenticator.optional_actor,
        base_url=settings.public_url,
    )
    billing = BillingRoutes(
        http,
        provider.organizations,
        developer.subscriptions,
        developer.reader,
        UsageHistories(developer.reader),
        Estimates(provider.catalog.reader),
        developer.provider,
        developer.stripe,
        around.changes,
        developer.payments.portal,
        developer.payments.graces,
    )
    applications = ApplicationRoutes(http, provider.organizations, developer.applications, developer.credentials)
    routers = (
        identity_router(people.routes(http, secure_cookies=settings.secure_cookies)),
        external_router(people.external_routes(http, secure_cookies=settings.secure_cookies)),
        *people.organization_routers(http),
        audit_router(AuditRoutes(http, people.log)),
        catalog_router(http, provider.catalog),
        application_router(applications),
        oauth_router(OAuthRoutes(http, developer.server, developer.applications)),
        billing_router(billing),
        *_pages(settings, http, around, provider, developer),
    )
    return create_app(routers, base_url=settings.public_url, observe=_observe)


def _pages(
    settings: Settings, http: HttpDependencies, around: Surroundings, provider: Provider, developer: Developer
) -> tuple[APIRouter, ...]:
    """The pages for people, on the use cases that the REST API has."""
    kit = Kit(
        http=http,
        clock=around.clock,
        live=around.live,
        session_cookie=SESSION_COOKIE,
        secure_cookies=settings.secure_cookies,
        flash_key=hashlib.sha256(b"flash:" + settings.encryption_key_bytes).digest(),
    )
    organizations = provider.organizations
    return (
        kit.assets.router(),
        sign_in_router(around.people.sign_in_pages(kit)),
        console_router(
            console_of(
                kit,
                provider.catalog,
                developer,
                members=around.people.member_pages(),
                brandings=around.people.brandings,
                sample_contract_url=settings.sample_contract_url,
            )
        ),
        around.people.agent_pages(kit, provider.catalog.reader),
        portal_router(
            DeveloperPortal(
                kit=kit,
                organizations=organizations,
                catalog=provider.catalog.portal,
                applications=developer.applications,
                credentials=developer.credentials,
                server=developer.server,
                subscriptions=developer.subscriptions,
                billing=developer.reader,
                histories=UsageHistories(developer.reader),
                stripe=developer.stripe,
                portal=developer.payments.portal,
                brandings=around.people.brandings,
            )
        ),
        create_last_router(kit),
    )


def _observe(method: str, status: int, seconds: float) -> None:
    metrics.REQUESTS.labels(method, f"{status // 100}xx").inc()
    metrics.REQUEST_SECONDS.observe(seconds)


def build(settings: Settings) -> PortalApi:
    """Wire everything; nothing runs yet. Call it in a running event loop."""
    offset_clock = OffsetClock()
    clock: Clock = offset_clock if settings.sandbox else SystemClock()
    bootstrap, prefix = settings.kafka_bootstrap_servers, settings.kafka_topic_prefix
    engine = create_engine(settings.database_url, application_name="portal-api", pool_size=settings.database_pool_size)
    sessions = session_factory(engine)
    outbox = Outbox(source="portal-api", topic_prefix=prefix, clock=clock)
    relay = OutboxRelay(engine, outbox, bootstrap_servers=bootstrap, name="portal-api", topic_prefix=prefix)
    uow = AuditedUnitOfWork(sessions, outbox)
    people = build_people(settings, outbox, uow)
    provider = _provider(settings, people, outbox, clock)
    developer = _developer(settings, provider, outbox, clock)
    changes = Changes()
    consumer = TransactionalConsumer(
        create_broker(bootstrap, client_id=f"portal-api-{settings.instance}"),
        group=GROUP,
        handlers=handlers(developer.projections, changes.touch),
        sessions=sessions,
        outbox=outbox,
        topic_prefix=prefix,
        bootstrap_servers=bootstrap,
        after_commit=lambda _: changes.notify(),
        gather_seconds=0.1,  # while much comes; the first after a pause is handled at once
    )
    live = Live(changes)
    app = _app(settings, Surroundings(uow, clock, changes, live, people), provider, developer)
    readiness = Readiness({"kafka": consumer.assigned.is_set})
    runners: list[Callable[[], Awaitable[None]]] = [
        lambda: serve(operations_app(readiness, service=GROUP), settings.operations_host, settings.operations_port),
        relay.run,
        consumer.run,
        lambda: end_graces_in_time(uow, developer.credentials),
        lambda: tell_usage(uow, developer.telling),
        *people.runners,
        lambda: serve(app, settings.host, settings.port),
        live.run_until_stopped,
    ]
    if settings.sandbox:
        runners.append(follow_sandbox_clock(bootstrap, prefix, offset_clock))
    return PortalApi(app, engine, uow, developer.server, people.deliveries, readiness, tuple(runners))


def build_republication(settings: Settings) -> Republication:
    """Wired as the service is, without what runs in it: the service's relay sends what is queued."""
    engine = create_engine(settings.database_url, application_name="portal-api-republish")
    # Only the time of the record's CloudEvents header is read from this clock.
    clock = SystemClock()
    outbox = Outbox(source="portal-api", topic_prefix=settings.kafka_topic_prefix, clock=clock)
    uow = UnitOfWork(session_factory(engine), outbox)
    people = build_people(settings, outbox, uow)
    provider = _provider(settings, people, outbox, clock)
    developer = _developer(settings, provider, outbox, clock)
    catalog = CatalogRepublishing(provider.repository, outbox)
    kinds: tuple[tuple[str, RepublishPage], ...] = (
        ("signing keys", developer.server.republish_signing_keys),
        ("developers", people.identity.republish_developers),
        ("plans", catalog.plans),
        ("APIs", catalog.apis),
        ("OAuth2 clients", developer.credentials.republish_clients),
        ("API keys", developer.credentials.republish_keys),
        ("usage totals", developer.telling.republish),
    )
    return Republication(engine, uow, kinds)


def read_settings() -> Settings:
    """From the environment; for the command line tools beside this module, as only main reads settings."""
    return Settings()


async def run(settings: Settings) -> None:
    """Migrate, make the first signing key, then serve until told to stop."""
    await asyncio.to_thread(migrate.upgrade, settings.database_url, MIGRATIONS)
    portal = build(settings)
    try:
        async with portal.uow.transaction() as session:
            await portal.server.ensure_signing_key(session)
        await run_service(*portal.runners)
    finally:
        await portal.engine.dispose()


if __name__ == "__main__":
    service_settings = read_settings()
    configure_logging("portal-api", service_settings.log_level)
    run_main(run(service_settings))
