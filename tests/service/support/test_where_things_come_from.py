"""The fixtures every service test stands on: a Kafka that takes transactions, a PostgreSQL, fresh for each file."""

from __future__ import annotations

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from tests.support.containers import DatabaseFactory

from shared.events.topics import all_topics


async def test_a_transaction_is_read_back(kafka_bootstrap: str, topic_prefix: str) -> None:
    topic = topic_prefix + next(iter(all_topics())).name
    producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, transactional_id=f"{topic_prefix}writer")
    await producer.start()
    try:
        async with producer.transaction():
            await producer.send_and_wait(topic, b"value", key=b"key")
    finally:
        await producer.stop()
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest", isolation_level="read_committed"
    )
    await consumer.start()
    try:
        record = await consumer.getone()
    finally:
        await consumer.stop()
    assert (record.key, record.value) == (b"key", b"value")


async def test_two_databases_are_apart(database: DatabaseFactory) -> None:
    first, second = await asyncpg.connect(database("first")), await asyncpg.connect(database("second"))
    try:
        await first.execute("CREATE TABLE only_here (n int)")
        assert await second.fetchval("SELECT to_regclass('only_here')") is None
    finally:
        await first.close()
        await second.close()
