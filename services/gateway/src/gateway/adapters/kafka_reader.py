"""Topics read whole and followed, by librdkafka: fetching and waiting happen in its own threads.

No consumer group: every process reads everything. What a topic says is applied in the event loop, some hundred records
at a time, so that calls go on in between. Stale data is served while Kafka is away, and its age is known.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

import msgspec
import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from shared.clock import real_seconds

log = structlog.get_logger()

RETRY_SECONDS = 0.5
CHUNK_RECORDS = 500  # some milliseconds
STATISTICS_MS = 1_000
_ANSWER_SECONDS = 5.0
_POLL_SECONDS = 0.5

Take = Callable[[bytes, bytes | None, bool], None]  # key, value, and whether it was there before we came


class _Broker(msgspec.Struct):
    nodeid: int
    state: str
    rxidle: int = 0  # us since anything came


class _Partition(msgspec.Struct):
    leader: int
    fetch_state: str


class _Topic(msgspec.Struct):
    partitions: dict[str, _Partition] = {}


class _Statistics(msgspec.Struct):
    """What is read of STATISTICS.md."""

    brokers: dict[str, _Broker] = {}
    topics: dict[str, _Topic] = {}


_read_statistics = msgspec.json.Decoder(_Statistics).decode


class Feed:
    """One topic. `take` gets each record in the order of its partition; ValueError from it skips the record."""

    def __init__(self, topic: str, take: Take, *, history_seconds: float | None = None) -> None:
        """`history_seconds`: how far back to begin; None: at the topic's beginning."""
        self.topic = topic
        self.history_seconds = history_seconds
        self.ready = asyncio.Event()
        self._take = take
        self._unread: set[int] | None = None  # partitions whose end has not been seen yet
        self.partitions = 0
        self._fresh_at: float | None = None

    def age_seconds(self) -> float:
        """Since Kafka last answered; infinite before the first time."""
        return float("inf") if self._fresh_at is None else time.monotonic() - self._fresh_at

    def is_fresh_since(self, at: float) -> None:
        """Kafka spoke then, by the monotonic clock."""
        if self._fresh_at is None or at > self._fresh_at:
            self._fresh_at = at

    def begin(self, partitions: Iterable[int]) -> None:
        """These are read now."""
        if self._unread is None:
            self._unread = set(partitions)
            self.partitions = len(self._unread)

    def on_record(self, partition: int, key: bytes, value: bytes | None) -> None:
        """The next record."""
        try:
            self._take(key, value, self._unread is None or partition in self._unread)
        except ValueError as error:
            # One poisonous record must not stop the rest: the entity keeps the state that it had.
            log.error("a record cannot be read", topic=self.topic, key=key, error=str(error))

    def on_end(self, partition: int) -> None:
        """Nothing more is there for now: by position, for compaction leaves holes and transactions control records."""
        if self._unread is not None:
            self._unread.discard(partition)
            if not self._unread:
                self.ready.set()


# A record, or without a key the end of a partition.
_News = tuple[Feed, int, bytes | None, bytes | None]


class KafkaReader:
    """Reads the topics of its feeds, transactions only when they are committed."""

    def __init__(self, bootstrap_servers: str, feeds: Iterable[Feed]) -> None:
        self.feeds = {feed.topic: feed for feed in feeds}
        self._settings: dict[str, object] = {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "tollway-gateway",  # librdkafka asks for a name; nothing is joined or committed
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 500,  # of a fetch that finds nothing: news come at once
            "fetch.error.backoff.ms": 100,
            "reconnect.backoff.max.ms": 1_000,
            "topic.metadata.refresh.interval.ms": 30_000,
            "queued.max.messages.kbytes": 8 << 10,
            "fetch.queue.backoff.ms": 5,  # of a queue that is full: a second would be most of the loading
            "log_level": 2,
            "statistics.interval.ms": STATISTICS_MS,
            "stats_cb": self._on_statistics,
        }

    async def run(self) -> None:
        """Until cancelled; Kafka being away only makes the tables older."""
        loop = asyncio.get_running_loop()
        over = threading.Event()
        consumer = Consumer(self._settings)
        ended = loop.create_future()

        def work() -> None:
            failure: BaseException | None = None
            try:
                self._work(consumer, loop, over)
            except BaseException as error:  # told to the loop
                failure = error
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(_end, ended, failure)

        threading.Thread(target=work, name="kafka-reader", daemon=True).start()
        try:
            await ended
        finally:
            over.set()

    # In a thread of its own
    def _work(self, consumer: Consumer, loop: asyncio.AbstractEventLoop, over: threading.Event) -> None:
        while not over.is_set() and not self._assign(consumer, loop):
            over.wait(RETRY_SECONDS)
        while not over.is_set():
            first = consumer.poll(_POLL_SECONDS)
            if first is None:
                continue
            news = [one for one in map(self._read, [first, *consumer.consume(CHUNK_RECORDS - 1, 0)]) if one is not None]
            if news:
                applied = threading.Event()
                loop.call_soon_threadsafe(_apply, news, applied)
                # No further ahead of the loop than this.
                while not applied.wait(_POLL_SECONDS) and not over.is_set():
                    pass
        consumer.close()

    def _assign(self, consumer: Consumer, loop: asyncio.AbstractEventLoop) -> bool:
        """Find the partitions; False: Kafka is away, or does not know a topic yet."""
        found: list[TopicPartition] = []
        try:
            for feed in self.feeds.values():
                topic = consumer.list_topics(feed.topic, timeout=_ANSWER_SECONDS).topics[feed.topic]
                if topic.error is not None or not topic.partitions:
                    return False
                places = [TopicPartition(feed.topic, number, OFFSET_BEGINNING) for number in topic.partitions]
                if feed.history_seconds is not None:
                    since_ms = int((real_seconds() - feed.history_seconds) * 1000)
                    asked = [TopicPartition(feed.topic, number, since_ms) for number in topic.partitions]
                    places = consumer.offsets_for_times(asked, timeout=_ANSWER_SECONDS)
                loop.call_soon_threadsafe(feed.begin, list(topic.partitions))
                found += places
        except KafkaException as error:
            log.warning("Kafka is away, will retry", error=str(error))
            return False
        consumer.assign(found)
        return True

    def _read(self, message: Message) -> _News | None:
        error = message.error()
        feed = self.feeds.get(message.topic() or "")
        partition = message.partition()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF and feed is not None and partition is not None:
                return feed, partition, None, None
            log.warning("a topic cannot be read for now", topic=message.topic(), error=error.str())
            return None
        key = message.key()
        if feed is None or partition is None or not isinstance(key, bytes):
            return None
        value = message.value()
        return feed, partition, key, value if isinstance(value, bytes) else None

    def _on_statistics(self, text: str) -> None:
        """librdkafka's own account: which of the partitions' leaders have spoken of late."""
        said = _read_statistics(text)
        heard = {
            broker.nodeid: 0.0 if broker.state != "UP" else time.monotonic() - broker.rxidle / 1e6
            for broker in said.brokers.values()
        }
        for name, topic in said.topics.items():
            feed = self.feeds.get(name)
            followed = [part for part in topic.partitions.values() if part.fetch_state == "active"]
            if feed is not None and len(followed) == feed.partitions and feed.partitions:
                feed.is_fresh_since(min(heard.get(part.leader, 0.0) for part in followed))


def _apply(news: list[_News], applied: threading.Event) -> None:
    try:
        now = time.monotonic()
        for feed, partition, key, value in news:
            feed.is_fresh_since(now)
            if key is None:
                feed.on_end(partition)
            else:
                feed.on_record(partition, key, value)
    finally:
        applied.set()


def _end(ended: asyncio.Future[None], failure: BaseException | None) -> None:
    if ended.done():
        return
    if failure is None:
        ended.set_result(None)
    else:
        ended.set_exception(failure)
