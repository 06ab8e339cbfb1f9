"""A compacted topic as a table in memory, without a consumer group: every process reads all of it.

Stale data is served while Kafka is away, and its age is known. Readiness is by position, not by the last record's
offset (compaction leaves holes and transactions leave control records).
"""

import asyncio
import time
from collections.abc import Callable

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.events.topics import Topic
from shared.messaging.closing import close

log = structlog.get_logger()

RETRY_SECONDS = 0.5
CHUNK_RECORDS = 500  # some milliseconds: calls go on between two chunks

Apply = Callable[[str, bytes | None], None]


class TopicTable:
    """Feeds `apply(key, value)` with every record from the topic's beginning on; None deletes."""

    def __init__(self, bootstrap_servers: str, topic: Topic, *, topic_prefix: str, apply: Apply) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._topic = topic_prefix + topic.name
        self._apply = apply
        self._fresh_at: float | None = None
        self.ready = asyncio.Event()

    def age_seconds(self) -> float:
        """Since Kafka last answered; infinite before the first time."""
        return float("inf") if self._fresh_at is None else time.monotonic() - self._fresh_at

    async def run(self) -> None:
        """Until cancelled; reads everything anew after a failure (states carry versions, so repeats are harmless)."""
        while True:
            try:
                await self._read()
            except (KafkaError, OSError) as error:
                log.warning("table lost Kafka, will retry", topic=self._topic, error=repr(error))
                await asyncio.sleep(RETRY_SECONDS)

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=4 << 20,
            fetch_max_wait_ms=500,
            request_timeout_ms=5_000,
            retry_backoff_ms=100,
            metadata_max_age_ms=30_000,
        )
        await consumer.start()
        try:
            await self._follow(consumer)
        finally:
            await close(consumer)

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        partitions = await self._partitions(consumer)
        consumer.assign(partitions)
        first = await consumer.beginning_offsets(partitions)
        pending = {tp: end for tp, end in (await consumer.end_offsets(partitions)).items() if end > first[tp]}
        for partition in partitions:
            consumer.seek(partition, first[partition])
        checked_at = time.monotonic()
        while True:
            batches = await consumer.getmany(timeout_ms=200, max_records=CHUNK_RECORDS)
            for records in batches.values():
                for record in records:
                    self._take(record.key, record.value)
            for partition in list(pending):
                if await consumer.position(partition) >= pending[partition]:
                    del pending[partition]
            if batches:
                self._fresh_at = time.monotonic()
            elif time.monotonic() - checked_at > 1:
                # An idle topic and an absent broker look the same to getmany: ask.
                async with asyncio.timeout(5):
                    await consumer.end_offsets(partitions[:1])
                checked_at = self._fresh_at = time.monotonic()
            if not pending and not self.ready.is_set():
                self._fresh_at = time.monotonic()
                self.ready.set()
            await asyncio.sleep(0)

    async def _partitions(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        while True:
            await consumer._client._wait_on_metadata(self._topic)
            found = consumer.partitions_for_topic(self._topic)
            if found:
                return [TopicPartition(self._topic, partition) for partition in sorted(found)]
            await asyncio.sleep(RETRY_SECONDS)

    def _take(self, key: bytes | None, value: bytes | None) -> None:
        if key is None:
            return
        try:
            self._apply(key.decode(), value)
        except ValueError as error:
            # One poisonous record must not stop the table: the entity keeps the state that it had.
            log.error("a record of a table cannot be read", topic=self._topic, key=key, error=str(error))
