"""Wiring of metering: `python -m metering.main`."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from metering.adapters.call_log import KafkaCallLog
from metering.adapters.usage_store import PostgresUsageStore
from metering.adapters.usage_topic import KafkaUsageTopic
from metering.adapters.window_queue import PostgresWindowQueue
from metering.entrypoints.consumers import GROUP, on_requests, on_subscriptions
from metering.entrypoints.timers import PublisherLoop, Sweep
from metering.settings import Settings
from metering.use_cases.publish_windows import Publisher
from shared.clock import Clock, OffsetClock, SystemClock
from shared.db import migrate
from shared.db.engine import create_engine, session_factory
from shared.events.topics import GATEWAY_REQUESTS, SUBSCRIPTIONS_STATE
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
class Service:
    """Metering, wired and not yet running."""

    engine: AsyncEngine
    consumer: TransactionalConsumer
    readiness: Readiness
    runners: tuple[Callable[[], Awaitable[None]], ...]


def build(settings: Settings) -> Service:
    """Wire everything. The database must be migrated."""
    bootstrap, prefix = settings.kafka_bootstrap_servers, settings.kafka_topic_prefix
    engine = create_engine(settings.database_url, application_name="metering")
    sessions = session_factory(engine)
    offset_clock = OffsetClock()
    clock: Clock = offset_clock if settings.sandbox else SystemClock()
    outbox = Outbox(source="metering", topic_prefix=prefix, clock=clock)
    relay = OutboxRelay(engine, outbox, bootstrap_servers=bootstrap, name="metering", topic_prefix=prefix)
    # The consumer's group carries the prefix in Kafka only; in kafka_offsets it is the bare name.
    queue = PostgresWindowQueue(engine, group=GROUP, topic=prefix + GATEWAY_REQUESTS.name)
    publisher = Publisher(
        queue,
        KafkaUsageTopic(bootstrap, topic_prefix=prefix, clock=clock),
        KafkaCallLog(bootstrap, prefix + GATEWAY_REQUESTS.name),
        clock,
        hold_seconds=settings.hold_seconds,
    )
    loop = PublisherLoop(publisher, settings.gather_seconds)
    consumer = TransactionalConsumer(
        create_broker(bootstrap, client_id=f"metering-{settings.instance}"),
        group=GROUP,
        # Subscriptions first: a state and the first calls under it often come in one poll.
        handlers={
            SUBSCRIPTIONS_STATE: on_subscriptions(PostgresUsageStore),
            GATEWAY_REQUESTS: on_requests(PostgresUsageStore, outbox),
        },
        sessions=sessions,
        outbox=outbox,
        topic_prefix=prefix,
        bootstrap_servers=bootstrap,
        after_commit=lambda _: loop.wake(),
        max_records=settings.max_records_per_transaction,
        gather_seconds=settings.gather_seconds,
    )
    readiness = Readiness({"kafka": consumer.assigned.is_set})
    app = operations_app(readiness, service="metering")
    sweep = Sweep(sessions, PostgresUsageStore, queue, loop)
    runners: list[Callable[[], Awaitable[None]]] = [
        lambda: serve(app, settings.operations_host, settings.operations_port),
        relay.run,
        loop.run,
        sweep.run,
        consumer.run,
    ]
    if settings.sandbox:
        runners.append(follow_sandbox_clock(bootstrap, prefix, offset_clock, loop.wake))
    return Service(engine, consumer, readiness, tuple(runners))


async def run(settings: Settings) -> None:
    """Migrate, then serve until told to stop."""
    await asyncio.to_thread(migrate.upgrade, settings.database_url, MIGRATIONS)
    service = build(settings)
    try:
        await run_service(*service.runners)
    finally:
        await service.engine.dispose()


if __name__ == "__main__":
    service_settings = Settings()
    configure_logging("metering", service_settings.log_level)
    run_main(run(service_settings))
