"""`UsageTopic` on Kafka: a transactional producer that fences the one before it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from aiokafka import AIOKafkaProducer

from metering.domain.usage_window import Window
from shared.clock import Clock, from_us
from shared.events.envelope import Event, encode, event_type, headers_for, to_kafka_headers
from shared.events.topics import METERING_USAGE
from shared.events.usage import UsageComplete, UsageWindow
from shared.ids import new_id
from shared.messaging.closing import close
from shared.messaging.topics_admin import cluster_id

PUBLISH_SECONDS = 20


def to_event(window: Window) -> UsageWindow:
    """A stored window as the bus knows it."""
    key = window.key
    return UsageWindow(
        subscription_id=window.subscription_id,
        subscription_number=key.subscription_number,
        plan_version_number=key.plan_version_number,
        period_start=from_us(key.period_start_us),
        api_number=key.api_number,
        operation_number=key.operation_number,
        window_start=from_us(key.window_start_us),
        environment="sandbox" if key.sandbox else "production",
        billable=key.billable,
        status_class=key.status_class,
        calls=window.usage.calls,
        units=window.usage.units,
        revision=window.revision,
    )


class KafkaUsageTopic:
    """See ports.UsageTopic. Windows need no outbox: a dirty window is its own."""

    def __init__(self, bootstrap_servers: str, *, topic_prefix: str, clock: Clock) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._topic = topic_prefix + METERING_USAGE.name
        self._transactional_id = f"{topic_prefix}metering-usage"
        self._clock = clock
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> str:
        """Gets a new epoch for the transactional id."""
        await self.close()
        identity = await cluster_id(self._bootstrap_servers)
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers,
            transactional_id=self._transactional_id,
            # A publisher that freezes inside a transaction stalls read_committed readers no longer than this.
            transaction_timeout_ms=5_000,
            request_timeout_ms=10_000,
            max_batch_size=1 << 18,
        )
        await producer.start()
        self._producer = producer
        return identity

    async def publish(self, windows: Sequence[Window], complete_until: datetime | None) -> None:
        """One transaction; a partition keeps the order of the sends."""
        producer = self._producer
        if producer is None:
            raise OSError("the usage topic is not open")
        async with asyncio.timeout(PUBLISH_SECONDS), producer.transaction():
            sent = [await self._send(producer, to_event(window), key=window.subscription_id) for window in windows]
            if complete_until is not None:
                event = UsageComplete(complete_until=complete_until)
                partitions = sorted(await producer.partitions_for(self._topic))
                sent += [await self._send(producer, event, partition=partition) for partition in partitions]
            await asyncio.gather(*sent)

    async def _send(
        self, producer: AIOKafkaProducer, event: Event, *, key: str | None = None, partition: int | None = None
    ) -> "asyncio.Future[object]":
        # A fresh id each time: a repeat that was asked for (republish) must not be dropped as seen.
        headers = headers_for(
            event_id=new_id("evt"), kind=event_type(event), source="metering", time=self._clock.now(), traceparent=None
        )
        future: asyncio.Future[object] = await producer.send(
            self._topic,
            value=encode(event),
            key=None if key is None else key.encode(),
            partition=partition,
            headers=to_kafka_headers(headers),
        )
        return future

    async def close(self) -> None:
        """An open transaction ends by its timeout, or when the next producer opens."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await close(producer)
