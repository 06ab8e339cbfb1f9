"""Kafka goes away, for longer than any request waits, and comes back: readers and the sender go on by themselves."""

import asyncio
import signal
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from tests.support.eventually import eventually

from gateway.adapters.kafka_reader import Feed, KafkaReader
from gateway.adapters.kafka_sender import KafkaAway, KafkaSender
from local_stack.ports import Ports
from local_stack.stack import KAFKA, Stack
from shared.events.topics import CATALOG_APIS, GATEWAY_RATE_COUNTS
from shared.messaging.topics_admin import create_topics

AWAY_SECONDS = 4


async def put(bootstrap: str, value: bytes | None) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id="test")
    await producer.start()
    async with producer.transaction():
        await producer.send_and_wait(CATALOG_APIS.name, key=b"api", value=value)
    await producer.stop()


@pytest.mark.timeout(180)
async def test_reader_and_sender_outlive_kafka(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "state", Ports.free(), processes=(), durable=False, supervise=False)
    await asyncio.to_thread(stack.start)
    seen: dict[bytes, bytes | None] = {}
    counts: list[tuple[bytes, bool]] = []
    table = Feed(CATALOG_APIS.name, lambda key, value, _: seen.__setitem__(key, value))
    log = Feed(
        GATEWAY_RATE_COUNTS.name,
        lambda key, _, is_history: counts.append((key, is_history)),
        history_seconds=600,
    )
    bootstrap = stack.kafka_bootstrap
    sender = KafkaSender(bootstrap)
    try:
        await create_topics(bootstrap, topics=(CATALOG_APIS, GATEWAY_RATE_COUNTS))
        await put(bootstrap, b"1")
        await sender.send(GATEWAY_RATE_COUNTS.name, b"{}", key=b"before")
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(KafkaReader(bootstrap, [table, log]).run())
            await asyncio.wait_for(asyncio.gather(table.ready.wait(), log.ready.wait()), 30)
            assert (seen, counts) == ({b"api": b"1"}, [(b"before", True)]), "ready when all is read that was there"
            await eventually(lambda: table.age_seconds() < 2.5, timeout_seconds=10)

            await asyncio.to_thread(stack.kill, KAFKA)
            with pytest.raises(KafkaAway):
                await sender.send(GATEWAY_RATE_COUNTS.name, b"{}", key=b"lost")
            await eventually(lambda: table.age_seconds() > AWAY_SECONDS, timeout_seconds=30)
            await asyncio.to_thread(stack.restart, KAFKA)

            await put(bootstrap, None)
            await eventually(lambda: seen == {b"api": None}, timeout_seconds=30, message="the table follows again")
            await eventually(lambda: table.age_seconds() < AWAY_SECONDS, timeout_seconds=10)
            await sender.send(GATEWAY_RATE_COUNTS.name, b"{}", key=b"after")
            await eventually(lambda: (b"after", False) in counts, timeout_seconds=30)
            assert counts.count((b"before", True)) == 1, "nothing is read twice"
            reading.cancel()
    finally:
        sender.close()
        await asyncio.to_thread(stack.stop)


@pytest.mark.timeout(60)
async def test_an_idle_topic_stays_fresh_and_a_frozen_kafka_does_not(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "state", Ports.free(), processes=(), durable=False, supervise=False)
    await asyncio.to_thread(stack.start)
    table = Feed(CATALOG_APIS.name, lambda key, value, _: None)
    try:
        await create_topics(stack.kafka_bootstrap, topics=(CATALOG_APIS,))
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(KafkaReader(stack.kafka_bootstrap, [table]).run())
            await asyncio.wait_for(table.ready.wait(), 30)
            since = time.monotonic()
            oldest = 0.0

            def was_fresh_for_some_seconds() -> bool:
                nonlocal oldest
                oldest = max(oldest, table.age_seconds())
                return time.monotonic() - since > 4

            await eventually(was_fresh_for_some_seconds, timeout_seconds=10)
            assert oldest < 3, "nobody wrote, and Kafka answered all the same"
            stack.signal(KAFKA, signal.SIGSTOP)
            try:
                await eventually(lambda: table.age_seconds() > 4, timeout_seconds=20)
            finally:
                stack.signal(KAFKA, signal.SIGCONT)
            await eventually(lambda: table.age_seconds() < 3, timeout_seconds=20)
            reading.cancel()
    finally:
        await asyncio.to_thread(stack.stop)
