"""What services rely on: nothing published is lost or reordered, nothing consumed takes effect twice."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel.ext.asyncio.session import AsyncSession
from tests.support.containers import DatabaseFactory
from tests.support.eventually import eventually

from shared.clock import SystemClock
from shared.db import messaging_tables
from shared.db.engine import create_engine, session_factory
from shared.db.unit_of_work import UnitOfWork
from shared.events.billing import BillingEvent, CheckoutExpired
from shared.events.envelope import encode
from shared.events.topics import BILLING_EVENTS
from shared.messaging.broker import create_broker
from shared.messaging.consumer import TransactionalConsumer
from shared.messaging.dead_letter import read_dead_letters, replay
from shared.messaging.outbox import Outbox, OutboxRelay
from shared.messaging.record import each

GROUP = "subscriptions"


@dataclass
class Bus:
    """A service in miniature: its database, outbox and what it is told of."""

    kafka: str
    prefix: str
    engine: AsyncEngine
    outbox: Outbox
    uow: UnitOfWork
    fail_on: set[str]

    def relay(self) -> OutboxRelay:
        return OutboxRelay(
            self.engine, self.outbox, bootstrap_servers=self.kafka, name="test", topic_prefix=self.prefix
        )

    def consumer(self) -> TransactionalConsumer:
        return TransactionalConsumer(
            create_broker(self.kafka, client_id="test"),
            group=GROUP,
            handlers={BILLING_EVENTS: each(BillingEvent, self._remember)},
            sessions=session_factory(self.engine),
            outbox=self.outbox,
            topic_prefix=self.prefix,
            bootstrap_servers=self.kafka,
        )

    async def _remember(self, session: AsyncSession, event: BillingEvent) -> None:
        assert isinstance(event, CheckoutExpired)
        if event.session_id in self.fail_on:
            raise RuntimeError("this record cannot be processed")
        await session.execute(
            text("insert into seen(subscription_id, session_id) values (:a, :b)"),
            {"a": event.subscription_id, "b": event.session_id},
        )

    async def publish(self, subscription_id: str, session_id: str, *, event_id: str | None = None) -> None:
        event = CheckoutExpired(subscription_id=subscription_id, session_id=session_id)
        async with self.uow.transaction() as session:
            await self.outbox.publish(session, BILLING_EVENTS, subscription_id, event, event_id=event_id)

    async def seen(self) -> list[tuple[str, str]]:
        async with self.engine.connect() as connection:
            rows = await connection.execute(text("select subscription_id, session_id from seen order by id"))
            return [(a, b) for a, b in rows]


@pytest.fixture
async def bus(kafka_bootstrap: str, topic_prefix: str, database: DatabaseFactory) -> AsyncIterator[Bus]:
    engine = create_engine(database("shared"), application_name="test")
    async with engine.begin() as connection:
        for statement in messaging_tables.STATEMENTS:
            await connection.execute(text(statement))
        await connection.execute(
            text(
                "create table seen(id bigint generated always as identity, subscription_id text, session_id text,"
                " primary key (subscription_id, session_id))"
            )
        )
    outbox = Outbox(source="test", topic_prefix=topic_prefix, clock=SystemClock())
    uow = UnitOfWork(session_factory(engine), outbox)
    yield Bus(kafka_bootstrap, topic_prefix, engine, outbox, uow, set())
    await engine.dispose()


@asynccontextmanager
async def running(*runners: Callable[[], object]) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(runner()) for runner in runners]  # type: ignore[arg-type]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_published_in_order_consumed_once(bus: Bus) -> None:
    first, second = f"{bus.prefix}sub_a", f"{bus.prefix}sub_b"
    async with running(bus.relay().run, bus.consumer().run):
        for number in range(50):
            await bus.publish(first, str(number))
            await bus.publish(second, str(number))
        await eventually(lambda: _has(bus, first, 50), timeout_seconds=30)
        await eventually(lambda: _has(bus, second, 50), timeout_seconds=30)
    for key in (first, second):
        assert [b for a, b in await bus.seen() if a == key] == [str(number) for number in range(50)]


async def test_the_relay_is_woken_by_what_was_published_and_by_nothing_else(bus: Bus) -> None:
    async with bus.uow.transaction() as session:
        await session.execute(text("select 1"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await bus.outbox.wait(30)
    await bus.publish(f"{bus.prefix}sub_wake", "once")
    async with asyncio.timeout(5):
        await bus.outbox.wait(30)


async def test_who_waits_for_the_relay_finds_the_record_in_kafka(bus: Bus) -> None:
    topic = bus.prefix + BILLING_EVENTS.name
    async with AIOKafkaConsumer(bootstrap_servers=bus.kafka) as reader:
        partitions = [TopicPartition(topic, number) for number in range(BILLING_EVENTS.partitions)]

        async def records() -> int:
            return sum((await reader.end_offsets(partitions)).values())

        before = await records()
        await bus.publish(f"{bus.prefix}sub_first", "nobody relays")
        await bus.uow.sent(0.05)
        assert await records() == before, "the time was over"
        async with running(bus.relay().run):
            for number in range(20):
                await bus.uow.sent(30)
                now = await records()
                assert now > before
                before = now
                await bus.publish(f"{bus.prefix}sub_first", str(number))


async def test_a_round_that_began_before_a_commit_has_not_sent_it(bus: Bus) -> None:
    await bus.publish(f"{bus.prefix}sub_round", "once")
    bus.outbox.note_sent(bus.outbox.commits - 1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await bus.uow.sent(30)
    bus.outbox.note_sent(bus.outbox.commits)
    async with asyncio.timeout(5):
        await bus.uow.sent(30)


async def test_rolled_back_transaction_publishes_nothing(bus: Bus) -> None:
    key = f"{bus.prefix}sub_rollback"
    with pytest.raises(ZeroDivisionError):
        async with bus.uow.transaction() as session:
            event = CheckoutExpired(subscription_id=key, session_id="never")
            await bus.outbox.publish(session, BILLING_EVENTS, key, event)
            raise ZeroDivisionError
    async with running(bus.relay().run, bus.consumer().run):
        await bus.publish(key, "afterwards")
        await eventually(lambda: _has(bus, key, 1), timeout_seconds=30)
    assert [b for a, b in await bus.seen() if a == key] == ["afterwards"]


async def test_a_relays_repeat_has_no_second_effect(bus: Bus) -> None:
    """A crash between the Kafka commit and the deletion of the rows sends them again at new offsets."""
    key = f"{bus.prefix}sub_repeat"
    async with running(bus.relay().run, bus.consumer().run):
        await bus.publish(key, "once", event_id=f"{bus.prefix}evt_1")
        await eventually(lambda: _has(bus, key, 1), timeout_seconds=30)
        await bus.publish(key, "once", event_id=f"{bus.prefix}evt_1")
        await bus.publish(key, "last")
        await eventually(lambda: _has(bus, key, 2), timeout_seconds=30)
    assert [b for a, b in await bus.seen() if a == key] == ["once", "last"]


async def test_two_relays_publish_everything_once_and_in_order(bus: Bus) -> None:
    key = f"{bus.prefix}sub_two_relays"
    async with running(bus.relay().run, bus.relay().run, bus.consumer().run):
        for number in range(30):
            await bus.publish(key, str(number))
        await eventually(lambda: _has(bus, key, 30), timeout_seconds=30)
    assert [b for a, b in await bus.seen() if a == key] == [str(number) for number in range(30)]


async def test_a_relay_outlives_its_connections(bus: Bus) -> None:
    key = f"{bus.prefix}sub_outlives"
    async with running(bus.relay().run, bus.consumer().run):
        await bus.publish(key, "before")
        await eventually(lambda: _has(bus, key, 1), timeout_seconds=30)
        async with bus.engine.connect() as connection:
            ended = await connection.execute(
                text(
                    "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid() and application_name = 'test'"
                )
            )
            assert len(ended.all()) > 0
        await bus.publish(key, "after")
        await eventually(lambda: _has(bus, key, 2), timeout_seconds=30)
    assert [b for a, b in await bus.seen() if a == key] == ["before", "after"]


async def test_a_relay_that_stops_leaves_its_lease_to_the_next_at_once(bus: Bus) -> None:
    """Else every rolling update would hold all records back until the lease of the old one expires."""

    async def leases() -> int:
        async with bus.engine.connect() as connection:
            return int((await connection.execute(text("select count(*) from leases"))).scalar_one())

    async with running(bus.relay().run):
        await eventually(leases)
    assert await leases() == 0


async def test_a_consumer_started_again_goes_on_where_the_database_says(bus: Bus) -> None:
    key = f"{bus.prefix}sub_again"
    async with running(bus.relay().run):
        async with running(bus.consumer().run):
            await bus.publish(key, "before")
            await eventually(lambda: _has(bus, key, 1), timeout_seconds=30)
        await bus.publish(key, "meanwhile")
        async with running(bus.consumer().run):
            await eventually(lambda: _has(bus, key, 2), timeout_seconds=40)
    assert [b for a, b in await bus.seen() if a == key] == ["before", "meanwhile"]


async def test_poison_goes_to_the_dead_letter_topic_and_comes_back_by_replay(bus: Bus) -> None:
    key, poison = f"{bus.prefix}sub_poison", f"{bus.prefix}poison"
    dead = f"{bus.prefix}{BILLING_EVENTS.name}.{GROUP}.dead"
    bus.fail_on.add(poison)
    async with running(bus.relay().run, bus.consumer().run):
        await bus.publish(key, poison)
        await bus.publish(key, "after")
        await eventually(lambda: _has(bus, key, 1), timeout_seconds=40)
        letters = await eventually(lambda: _letters(bus, dead), timeout_seconds=30)
        assert dict(letters[0].headers)["dead_letter_reason"] == b"RuntimeError: this record cannot be processed"
        bus.fail_on.clear()
        assert await replay(bus.kafka, dead) == len(letters)
        await eventually(lambda: _has(bus, key, 2), timeout_seconds=30)
    assert [b for a, b in await bus.seen() if a == key] == ["after", poison]


async def test_what_cannot_be_decoded_is_dead_lettered_too(bus: Bus) -> None:
    key = f"{bus.prefix}sub_garbage"
    producer = AIOKafkaProducer(bootstrap_servers=bus.kafka)
    await producer.start()
    topic = bus.prefix + BILLING_EVENTS.name
    await producer.send_and_wait(topic, key=key.encode(), value=b'{"type": "no.such.event"}')
    good = encode(CheckoutExpired(subscription_id=key, session_id="good"))
    await producer.send_and_wait(topic, key=key.encode(), value=good)
    await producer.stop()
    async with running(bus.relay().run, bus.consumer().run):
        await eventually(lambda: _has(bus, key, 1), timeout_seconds=40)
        await eventually(lambda: _letters(bus, topic + f".{GROUP}.dead", b"no.such.event"), timeout_seconds=30)


async def _has(bus: Bus, key: str, count: int) -> bool:
    return len([1 for a, _ in await bus.seen() if a == key]) == count


async def _letters(bus: Bus, topic: str, containing: bytes = b"") -> list[object]:
    return [record async for record in read_dead_letters(bus.kafka, topic) if containing in record.value]
