"""Exactly once in effect: a poll's records, their offsets and their event ids are one database transaction.

Offsets are compared and set, so that a consumer which lost its partition to another (a zombie after a long pause)
rolls back whatever it did. A record that cannot be processed is isolated, retried with back-off and then put on its
dead letter topic through the outbox, in the transaction that moves the offset past it.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord
from aiokafka import TopicPartition as Partition
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.db.engine import Sessions
from shared.events.envelope import from_kafka_headers
from shared.events.topics import Topic, dead_letter_topic
from shared.messaging import consumer_metrics as metrics
from shared.messaging import offsets
from shared.messaging.broker import ACK_POLICY
from shared.messaging.offsets import LostPartition, Position
from shared.messaging.outbox import Outbox
from shared.messaging.record import Handler, Record
from shared.messaging.topics_admin import cluster_id

log = structlog.get_logger()

MAX_ATTEMPTS = 5
FIRST_DELAY_SECONDS = 0.1
MAX_DELAY_SECONDS = 5.0
POLL_MS = 200
PRUNE_SECONDS = 3600


async def _keep(message: Any) -> Any:
    """A decoder that does nothing: handlers decode, and FastStream's single-message path costs 150 us a record."""
    return message


def _is_infrastructure(error: BaseException) -> bool:
    """Not the record's fault: the database is away or gave up a transaction, which a retry heals."""
    if isinstance(error, OSError | TimeoutError | InterfaceError | KafkaError):
        return True
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        # 40: serialization or deadlock; 53, 57, 58, 08: resources, operator, system, connection.
        return error.connection_invalidated or state[:2] in ("40", "53", "57", "58", "08")
    return False


class TransactionalConsumer:
    """One consumer group of one service, over all topics that it reads."""

    def __init__(
        self,
        broker: KafkaBroker,
        *,
        group: str,
        handlers: Mapping[Topic, Handler],
        sessions: Sessions,
        outbox: Outbox,
        topic_prefix: str,
        bootstrap_servers: str,
        after_commit: Callable[[AsyncSession], None] = lambda _: None,
        max_records: int = 500,
        gather_seconds: float = 0.0,
    ) -> None:
        """`gather_seconds`: between the beginnings of two transactions, so that under load each holds more records.

        What comes after a pause as long is handled at once.
        """
        self._gather_seconds = gather_seconds
        self._max_records = max_records
        self._broker = broker
        self._group = group
        self._handlers = handlers
        self._remembered = frozenset(topic.name for topic in handlers if topic.kind == "log" and topic.inbox)
        self._sessions = sessions
        self._outbox = outbox
        self._prefix = topic_prefix
        self._bootstrap_servers = bootstrap_servers
        self._after_commit = after_commit
        self._positions: dict[Position, int] = {}
        self._cluster_id = ""
        self.assigned = asyncio.Event()
        self._subscriber = broker.subscriber(
            *(topic_prefix + topic.name for topic in handlers),
            group_id=topic_prefix + group,
            batch=True,
            max_records=max_records,
            batch_timeout_ms=POLL_MS,
            ack_policy=ACK_POLICY,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            session_timeout_ms=6_000,
            heartbeat_interval_ms=2_000,
            max_poll_interval_ms=300_000,
            fetch_max_wait_ms=500,
            max_partition_fetch_bytes=4 << 20,
            listener=_Listener(self),
            decoder=_keep,
        )
        # FastStream sleeps, after it waited in vain, for as long again: what comes meanwhile would lie.
        self._subscriber.get_msg = self._next_batch  # type: ignore[method-assign]
        self._subscriber(self._on_batch)

    async def run(self) -> None:
        """Until cancelled. Waits for Kafka at the start as long as it takes."""
        while True:
            try:
                self._cluster_id = await cluster_id(self._bootstrap_servers)
                await self._broker.start()
                break
            except (KafkaError, OSError) as error:
                log.warning("Kafka is away, will retry", error=repr(error))
                await asyncio.sleep(1)
        try:
            while True:
                await asyncio.sleep(PRUNE_SECONDS)
                await self._prune()
        finally:
            await self._broker.stop()

    async def _prune(self) -> None:
        try:
            async with self._sessions() as session, session.begin():
                await offsets.prune_inbox(session, self._group)
        except (DBAPIError, InterfaceError, OSError) as error:
            log.warning("inbox not pruned, will retry", error=repr(error))

    @property
    def positions(self) -> Mapping[Position, int]:
        """Next offset of each assigned partition, as committed to the database."""
        return self._positions

    async def on_assigned(self, assigned: Iterable[Partition]) -> None:
        """Seek to the stored offsets; a partition not seen before, or of another cluster, starts at its beginning."""
        consumer = self._subscriber.consumer
        partitions = list(assigned)
        if consumer is None or not partitions:
            return
        beginnings = await consumer.beginning_offsets(partitions)
        async with self._sessions() as session, session.begin():
            stored = await offsets.load(session, self._group)
            for partition in partitions:
                key = (partition.topic, partition.partition)
                first = beginnings[partition]
                offset, cluster = stored.get(key, (None, self._cluster_id))
                if offset is None or cluster != self._cluster_id or offset < first:
                    if offset is not None:
                        metrics.RECORDS_LOST.labels(partition.topic).inc()
                        log.error("starting at the log's beginning", partition=key, stored=offset, first=first)
                    await offsets.reset(session, self._group, key, first, self._cluster_id, offset)
                    offset = first
                self._positions[key] = offset
                consumer.seek(partition, offset)
        self.assigned.set()

    def on_revoked(self, revoked: Iterable[Partition]) -> None:
        """Forget positions: whoever has the partition next moves them."""
        for partition in revoked:
            self._positions.pop((partition.topic, partition.partition), None)

    async def _next_batch(self, consumer: AIOKafkaConsumer) -> tuple[ConsumerRecord, ...]:
        found = await consumer.getmany(timeout_ms=POLL_MS, max_records=self._max_records)
        return tuple(chain.from_iterable(found.values()))

    async def _on_batch(self, message: KafkaMessage) -> None:
        began = time.monotonic()
        await self._work_off(message)
        left = began + self._gather_seconds - time.monotonic()
        if left > 0:
            await asyncio.sleep(left)

    async def _work_off(self, message: KafkaMessage) -> None:
        raw = message.raw_message
        records = [self._record(r) for r in (raw if isinstance(raw, tuple | list) else (raw,))]
        delay = FIRST_DELAY_SECONDS
        while True:
            try:
                await self._process(records)
                return
            except LostPartition as lost:
                log.warning("lost a partition, starting over from the stored offsets", reason=str(lost))
                await self._reload()
                return
            except Exception as error:
                log.warning("a batch failed", error=repr(error))
                infrastructure = _is_infrastructure(error)
            try:
                if not infrastructure and await self._process_one_by_one(records):
                    return
            except LostPartition:
                await self._reload()
                return
            metrics.RETRIES.inc()
            await asyncio.sleep(delay)
            delay = min(delay * 2, MAX_DELAY_SECONDS)

    async def _process(self, records: Sequence[Record], *, failed: Exception | None = None) -> None:
        """All records in one transaction; with `failed`, dead-letter them instead of handling them."""
        expected = dict(self._positions)
        moves: dict[Position, int] = {}
        mine: list[Record] = []
        for record in records:
            key = (self._prefix + record.topic, record.partition)
            if key not in expected:
                raise LostPartition(f"{key} was revoked")
            if record.offset >= expected[key]:
                moves[key] = max(moves.get(key, 0), record.offset + 1)
                mine.append(record)
        if not moves:
            return
        async with self._sessions() as session, session.begin():
            ids = set() if failed is not None else {i for i in map(self._event_id, mine) if i is not None}
            fresh = await offsets.move(session, self._group, expected, moves, ids)
            if failed is None:
                await self._handle(session, self._without_repeats(mine, fresh))
            else:
                for record in mine:
                    await self._dead_letter(session, record, failed)
        self._positions.update(moves)
        metrics.RECORDS.inc(len(mine))
        self._outbox.wake(session)
        self._after_commit(session)

    async def _handle(self, session: AsyncSession, records: Sequence[Record]) -> None:
        for topic, handler in self._handlers.items():
            batch = [record for record in records if record.topic == topic.name]
            if batch:
                await handler(session, batch)

    def _event_id(self, record: Record) -> str | None:
        """By which a relay's repeat is known; None on topics where a repeat changes nothing."""
        return record.headers.get("ce_id") if record.topic in self._remembered else None

    def _without_repeats(self, records: Sequence[Record], fresh: set[str]) -> list[Record]:
        kept: list[Record] = []
        for record in records:
            event_id = self._event_id(record)
            if event_id is None or event_id in fresh:
                fresh.discard(event_id or "")
                kept.append(record)
        return kept

    async def _process_one_by_one(self, records: Sequence[Record]) -> bool:
        """Find the record at fault. False: the infrastructure failed meanwhile, the batch must be tried again."""
        for record in records:
            delay = FIRST_DELAY_SECONDS
            for attempt in range(1, MAX_ATTEMPTS + 1):
                try:
                    await self._process([record])
                    break
                except LostPartition:
                    raise
                except Exception as error:
                    if _is_infrastructure(error):
                        return False
                    if attempt == MAX_ATTEMPTS:
                        log.exception("a record goes to its dead letter topic", topic=record.topic, key=record.key)
                        metrics.DEAD_LETTERS.labels(record.topic).inc()
                        await self._process([record], failed=error)
                        break
                await asyncio.sleep(delay)
                delay = min(delay * 2, MAX_DELAY_SECONDS)
        return True

    async def _dead_letter(self, session: AsyncSession, record: Record, error: Exception) -> None:
        headers = {
            **record.headers,
            "dead_letter_reason": f"{type(error).__name__}: {error}"[:1000],
            "dead_letter_attempts": str(MAX_ATTEMPTS),
            "dead_letter_source": f"{record.topic}/{record.partition}/{record.offset}",
            "dead_letter_first_time": datetime.fromtimestamp(record.timestamp_ms / 1000, UTC).isoformat(),
        }
        topic = dead_letter_topic(record.topic, self._group)
        await self._outbox.publish_raw(session, topic.name, record.key.encode(), record.value, headers)

    async def _reload(self) -> None:
        consumer = self._subscriber.consumer
        if consumer is not None:
            await self.on_assigned(consumer.assignment())

    def _record(self, raw: ConsumerRecord) -> Record:
        return Record(
            topic=raw.topic.removeprefix(self._prefix),
            partition=raw.partition,
            offset=raw.offset,
            key=raw.key.decode("utf-8", "replace") if raw.key is not None else "",
            value=raw.value,
            headers=from_kafka_headers(raw.headers),
            timestamp_ms=raw.timestamp,
        )


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Hands the group's decisions to the consumer, and waits for the database as long as it takes."""

    def __init__(self, consumer: TransactionalConsumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: Iterable[Partition]) -> None:
        """Called before a rebalance."""
        self._consumer.on_revoked(revoked)

    async def on_partitions_assigned(self, assigned: Iterable[Partition]) -> None:
        """Called after a rebalance, before records are fetched."""
        delay = FIRST_DELAY_SECONDS
        while True:
            try:
                await self._consumer.on_assigned(assigned)
                return
            except Exception as error:
                # Raising here would make aiokafka log and go on from Kafka's own (absent) offsets.
                log.warning("cannot load offsets, will retry", error=repr(error))
                await asyncio.sleep(delay)
                delay = min(delay * 2, MAX_DELAY_SECONDS)
