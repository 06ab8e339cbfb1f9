"""A table that follows its topic again after Kafka was killed and away for longer than any request waits."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from tests.support.eventually import eventually

from local_stack.ports import Ports
from local_stack.stack import KAFKA, Stack
from shared.events.topics import CATALOG_APIS
from shared.messaging.table import TopicTable

AWAY_SECONDS = 8


async def put(bootstrap: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    await producer.send_and_wait(CATALOG_APIS.name, key=b"api", value=value)
    await producer.stop()


@pytest.mark.timeout(180)
async def test_a_table_follows_again_after_kafka_was_away(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "state", Ports.free(), processes=(), durable=False, supervise=False)
    await asyncio.to_thread(stack.start)
    seen: dict[str, bytes | None] = {}
    table = TopicTable(stack.kafka_bootstrap, CATALOG_APIS, topic_prefix="", apply=seen.__setitem__)
    try:
        admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka_bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(CATALOG_APIS.name, CATALOG_APIS.partitions, 1)])
        await admin.close()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(table.run())
            await put(stack.kafka_bootstrap, b"1")
            await eventually(lambda: seen.get("api") == b"1", timeout_seconds=30)
            await asyncio.to_thread(stack.kill, KAFKA)
            await eventually(
                lambda: table.age_seconds() > AWAY_SECONDS, timeout_seconds=30, message="requests have timed out"
            )
            await asyncio.to_thread(stack.restart, KAFKA)
            await put(stack.kafka_bootstrap, b"2")
            await eventually(lambda: seen.get("api") == b"2", timeout_seconds=30, message="the table follows again")
            assert table.age_seconds() < AWAY_SECONDS
            running.cancel()
    finally:
        await asyncio.to_thread(stack.stop)
