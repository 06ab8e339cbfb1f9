"""Composition root: settings -> adapters -> use cases -> entrypoints."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from billing_sync.adapters.stripe_api import SdkAccess
from billing_sync.adapters.transaction import PostgresWork
from billing_sync.adapters.vault import NaclVault
from billing_sync.entrypoints.consumers import handlers
from billing_sync.entrypoints.timers import Worker
from billing_sync.entrypoints.webhooks import webhook_app
from billing_sync.ports import Deps, Options
from billing_sync.settings import Settings
from shared.clock import OffsetClock
from shared.db.engine import create_engine, session_factory
from shared.db.migrate import upgrade
from shared.http.operations import Readiness, operations_app, serve
from shared.messaging.broker import create_broker
from shared.messaging.consumer import TransactionalConsumer
from shared.messaging.outbox import Outbox, OutboxRelay
from shared.messaging.sandbox_clock import sandbox_clock_table
from shared.observability.logs import configure_logging
from shared.service import main as run_main
from shared.service import run_service

Runner = Callable[[], Awaitable[None]]


def migrations() -> Path:
    """Beside the package when installed, beside src/ in a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "migrations"
    return installed if installed.exists() else package.parents[1] / "migrations"


def build(settings: Settings) -> list[Runner]:
    """Everything that must run, wired."""
    # Outside the sandbox nobody moves the offset: business time is real time.
    clock = OffsetClock()
    engine = create_engine(settings.database_url, application_name="billing-sync", pool_size=20)
    sessions = session_factory(engine)
    outbox = Outbox(source="billing-sync", topic_prefix=settings.kafka_topic_prefix, clock=clock)
    work = PostgresWork(sessions, outbox)
    deps = Deps(
        work=work,
        stripe=SdkAccess(
            api_base=settings.stripe_api_base,
            max_network_retries=settings.stripe_max_network_retries,
            timeout_seconds=settings.stripe_timeout_seconds,
        ),
        vault=NaclVault(
            sealing_private_key=settings.sealing_private_key.get_secret_value(),
            encryption_key=settings.encryption_key.get_secret_value(),
        ),
        clock=clock,
        options=_options(settings),
    )
    relay = OutboxRelay(
        engine,
        outbox,
        bootstrap_servers=settings.kafka_bootstrap_servers,
        name="billing-sync",
        topic_prefix=settings.kafka_topic_prefix,
    )
    consumer = TransactionalConsumer(
        create_broker(settings.kafka_bootstrap_servers, client_id=f"billing-sync-{settings.instance}"),
        group="billing-sync",
        handlers=handlers(work.inside),
        sessions=sessions,
        outbox=outbox,
        topic_prefix=settings.kafka_topic_prefix,
        bootstrap_servers=settings.kafka_bootstrap_servers,
        after_commit=work.committed,
        gather_seconds=0.1,  # while much comes; the first after a pause is handled at once
    )
    worker = Worker(deps, work, concurrency=settings.worker_concurrency)
    readiness = Readiness({"kafka": consumer.assigned.is_set})
    runners: list[Runner] = [
        relay.run,
        consumer.run,
        worker.run,
        worker.sweep,
        worker.keep_leases,
        lambda: serve(
            operations_app(readiness, service="billing-sync"), settings.operations_host, settings.operations_port
        ),
        lambda: serve(webhook_app(deps, portal_url=settings.portal_url), settings.host, settings.port),
    ]
    if settings.sandbox:
        table = sandbox_clock_table(settings.kafka_bootstrap_servers, settings.kafka_topic_prefix, clock, work.wake)
        readiness.checks["clock"] = table.ready.is_set
        runners.append(table.run)
    return runners


def _options(settings: Settings) -> Options:
    return Options(
        public_url=settings.public_url.rstrip("/"),
        push_interval_seconds=settings.push_interval_seconds,
        usage_bound_seconds=settings.usage_bound_seconds,
        summary_bound_seconds=settings.summary_bound_seconds,
        renewal_bound_seconds=settings.renewal_bound_seconds,
        reconcile_interval_seconds=settings.reconcile_interval_seconds,
        checkout_lifetime_seconds=settings.checkout_lifetime_seconds,
    )


async def _serve(settings: Settings) -> None:
    await run_service(*build(settings))


def main() -> None:
    """`python -m billing_sync.main`."""
    settings = Settings()  # from the environment
    configure_logging("billing-sync", settings.log_level)
    upgrade(settings.database_url, migrations())
    run_main(_serve(settings))


if __name__ == "__main__":
    main()
