"""Composition root: settings -> adapters -> use cases -> entrypoints."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from shared import service
from shared.clock import Clock, OffsetClock, SystemClock
from shared.db.engine import Sessions, create_engine, session_factory
from shared.db.migrate import upgrade
from shared.db.unit_of_work import UnitOfWork
from shared.http.operations import Readiness, operations_app, serve
from shared.messaging.broker import create_broker
from shared.messaging.consumer import TransactionalConsumer
from shared.messaging.outbox import Outbox, OutboxRelay
from shared.messaging.sandbox_clock import sandbox_clock_table
from shared.observability.logs import configure_logging
from subscriptions.adapters.store import store_factory
from subscriptions.domain.policy import Policy
from subscriptions.entrypoints.consumers import Consumers
from subscriptions.entrypoints.timers import Timers
from subscriptions.settings import Settings

NAME = "subscriptions"
MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def policy_of(settings: Settings) -> Policy:
    """The bounds of waiting that an operator may set."""
    return Policy(
        past_due_grace=timedelta(seconds=settings.past_due_grace_seconds),
        parked=timedelta(seconds=settings.parked_seconds),
        closing=timedelta(seconds=settings.closing_seconds),
    )


def _consumer(settings: Settings, sessions: Sessions, outbox: Outbox, consumers: Consumers) -> TransactionalConsumer:
    return TransactionalConsumer(
        create_broker(settings.kafka_bootstrap_servers, client_id=f"{NAME}-{settings.instance}"),
        group=NAME,
        handlers=consumers.handlers(),
        sessions=sessions,
        outbox=outbox,
        topic_prefix=settings.kafka_topic_prefix,
        bootstrap_servers=settings.kafka_bootstrap_servers,
    )


def _relay(settings: Settings, engine: AsyncEngine, outbox: Outbox) -> OutboxRelay:
    return OutboxRelay(
        engine,
        outbox,
        bootstrap_servers=settings.kafka_bootstrap_servers,
        name=NAME,
        topic_prefix=settings.kafka_topic_prefix,
    )


async def run(settings: Settings) -> None:
    """The service, until it is told to stop."""
    offset_clock = OffsetClock()
    clock: Clock = offset_clock if settings.sandbox else SystemClock()
    engine = create_engine(settings.database_url, application_name=NAME)
    sessions = session_factory(engine)
    outbox = Outbox(source=NAME, topic_prefix=settings.kafka_topic_prefix, clock=clock)
    stores = store_factory(outbox, policy_of(settings))
    consumer = _consumer(settings, sessions, outbox, Consumers(stores, clock))
    timers = Timers(UnitOfWork(sessions, outbox), stores, clock, settings.tick_ms)
    clock_table = sandbox_clock_table(
        settings.kafka_bootstrap_servers, settings.kafka_topic_prefix, offset_clock, timers.clock_moved
    )
    checks = {"consumer": consumer.assigned.is_set}
    runners = [_relay(settings, engine, outbox).run]
    if settings.sandbox:
        checks["sandbox_clock"] = clock_table.ready.is_set
        runners.append(clock_table.run)

    async def when_the_time_is_known(start: service.Runner) -> None:
        # Before the sandbox's clock was read, business time would be real time: a period would begin in the past.
        if settings.sandbox:
            await clock_table.ready.wait()
        await start()

    runners += [lambda: when_the_time_is_known(consumer.run), lambda: when_the_time_is_known(timers.run)]
    app = operations_app(Readiness(checks), service=NAME)
    try:
        await service.run_service(*runners, lambda: serve(app, settings.operations_host, settings.operations_port))
    finally:
        await engine.dispose()


def main() -> None:
    """Migrate, then serve."""
    settings = Settings()
    configure_logging(NAME, settings.log_level)
    upgrade(settings.database_url, MIGRATIONS)
    service.main(run(settings))


if __name__ == "__main__":
    main()
