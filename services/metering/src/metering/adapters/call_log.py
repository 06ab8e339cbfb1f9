"""`CallLog` on Kafka: what each partition of the calls' topic holds."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from metering.ports import LogRange
from shared.messaging.closing import close


class KafkaCallLog:
    """See ports.CallLog. A consumer without a group that reads no record."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._topic = topic
        self._consumer: AIOKafkaConsumer | None = None

    async def ranges(self) -> dict[int, LogRange]:
        """Asks every partition's leader: metadata is not an answer."""
        async with asyncio.timeout(10):
            consumer = await self._ready_consumer()
            partitions = [TopicPartition(self._topic, p) for p in consumer.partitions_for_topic(self._topic) or ()]
            if not partitions:
                raise OSError(f"topic {self._topic} is not there")
            firsts = await consumer.beginning_offsets(partitions)
            ends = await consumer.end_offsets(partitions)
        return {tp.partition: LogRange(firsts[tp], ends[tp]) for tp in partitions}

    async def _ready_consumer(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            # Naming the topic makes its metadata known, and new partitions with it.
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap_servers,
                group_id=None,
                enable_auto_commit=False,
                request_timeout_ms=10_000,
                metadata_max_age_ms=30_000,
            )
            await consumer.start()
            self._consumer = consumer
            await consumer._client._wait_on_metadata(self._topic)
        return self._consumer

    async def close(self) -> None:
        """Free the connection."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await close(consumer)
