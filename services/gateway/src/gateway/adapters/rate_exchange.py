"""Workers tell one another what they admitted, so that a limit holds on the sum over all workers and replicas.

Each worker publishes, at a short interval, how many calls of each access entry it has admitted since the last time,
with how busy the entry's limits are by all that it knows. The others add the counts to their own; a worker that starts
takes over the busiest state it finds in the topic, so neither a death nor a restart gives anybody a fresh burst.
States that nobody changed are said again before they leave the topic. Nothing here stands in the path of a call:
without Kafka each worker limits what it sees itself, and what it counted is told when Kafka is back.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from gateway import metrics
from gateway.adapters.kafka_reader import Feed
from gateway.adapters.kafka_sender import KafkaAway
from gateway.domain.rate_limit import EntryKey, RateLimiter
from shared.clock import real_now
from shared.events.envelope import decode, encode, event_type, headers_for, to_kafka_headers
from shared.events.gateway import RateCount, RateCounts
from shared.events.topics import GATEWAY_RATE_COUNTS
from shared.ids import new_id

log = structlog.get_logger()

RETRY_SECONDS = 0.5
MAX_ENTRIES = 2_000  # in one record
HISTORY_SECONDS = GATEWAY_RATE_COUNTS.retention_ms / 1000
REFRESH_SECONDS = HISTORY_SECONDS / 4
REFRESH_CHECK_SECONDS = 10.0


class Limiters(Protocol):
    """The limits of the access entries."""

    changed: list[RateLimiter]

    def limiter(self, key: EntryKey) -> RateLimiter | None:
        """The limiter of an access entry."""
        ...


class Sender(Protocol):
    """Where records go (`KafkaSender`)."""

    async def send(self, topic: str, value: bytes, *, key: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
        """Until Kafka has the record. Raises KafkaAway."""
        ...


class RateExchange:
    """One worker's part in the exchange. `feed` is to be read (`KafkaReader`) beside `run`."""

    def __init__(
        self,
        sender: Sender,
        topic_prefix: str,
        worker: str,
        limiters: Limiters,
        *,
        interval_seconds: float,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._sender = sender
        self._topic = topic_prefix + GATEWAY_RATE_COUNTS.name
        self._worker = worker
        self._limiters = limiters
        self._interval_seconds = interval_seconds
        self._monotonic_ns = monotonic_ns
        self._own_key = worker.encode()
        self._said: dict[EntryKey, float] = {}  # busy entries, and when somebody last spoke of them
        # Workers must not all say the same again at the same time.
        self._patience_seconds = REFRESH_SECONDS * (1 + int(worker[:4] or "0", 16) / 0x10000)
        self.feed = Feed(self._topic, self._on_record, history_seconds=HISTORY_SECONDS)

    async def run(self) -> None:
        """Say what is admitted here, until cancelled."""
        await self.feed.ready.wait()
        check_at = time.monotonic() + REFRESH_CHECK_SECONDS
        while True:
            await asyncio.sleep(self._interval_seconds)
            counts = self.take_counts()
            metrics.RATE_PENDING.set(sum(count.calls for count in counts))
            await self._say(counts)
            if time.monotonic() >= check_at:
                check_at = time.monotonic() + REFRESH_CHECK_SECONDS
                await self._say(self.states_to_say_again())

    def take_counts(self) -> list[RateCount]:
        """What was admitted here since the last time."""
        changed = self._limiters.changed[:]
        self._limiters.changed.clear()
        return [self._count(limiter, limiter.take_pending()) for limiter in changed]

    def states_to_say_again(self) -> list[RateCount]:
        """States that would leave the topic before they are over."""
        now, now_ns = time.monotonic(), self._monotonic_ns()
        found = []
        for key, said_at in list(self._said.items()):
            if now - said_at < self._patience_seconds:
                continue
            limiter = self._limiters.limiter(key)
            if limiter is None or not limiter.is_busy(now_ns):
                del self._said[key]
            else:
                found.append(self._count(limiter, 0))
        return found

    def _count(self, limiter: RateLimiter, calls: int) -> RateCount:
        self._said[limiter.key] = time.monotonic()
        busy = tuple(one // 1000 for one in limiter.busy_ns(self._monotonic_ns()))
        return RateCount(*limiter.key, calls, busy)

    async def _say(self, counts: list[RateCount]) -> None:
        for first in range(0, len(counts), MAX_ENTRIES):
            event = RateCounts(
                worker=self._worker, sent_at=real_now(), entries=tuple(counts[first : first + MAX_ENTRIES])
            )
            headers = headers_for(
                event_id=new_id("rate"), kind=event_type(event), source="gateway", time=event.sent_at, traceparent=None
            )
            try:
                await self._sender.send(
                    self._topic, encode(event), key=self._own_key, headers=to_kafka_headers(headers)
                )
            except (KafkaAway, OSError) as error:
                # Perhaps it has arrived: counting twice refuses a few calls, not counting would give them away.
                self._give_back(counts[first:])
                metrics.RATE_EXCHANGE_FAILURES.inc()
                log.warning("rate counts are not exchanged, will retry", error=repr(error))
                await asyncio.sleep(RETRY_SECONDS)
                return
            metrics.RATE_TOLD.inc(sum(one.calls for one in event.entries))

    def _give_back(self, counts: list[RateCount]) -> None:
        for count in counts:
            limiter = self._limiters.limiter((count.application_id, count.api_id, count.sandbox))
            if limiter is not None and count.calls:
                limiter.give_back_pending(count.calls)

    # What we hear
    def _on_record(self, key: bytes, value: bytes | None, is_history: bool) -> None:
        if key == self._own_key and not is_history:
            return  # our own need not even be read
        event = decode(value or b"", RateCounts)
        if event.worker != self._worker:
            self.apply(event, is_history=is_history, now=real_now())

    def apply(self, event: RateCounts, *, is_history: bool, now: datetime) -> None:
        """Count what another worker admitted; of history, only how busy the limits were."""
        now_ns, heard_at = self._monotonic_ns(), time.monotonic()
        age_us = max(0, int((now - event.sent_at).total_seconds() * 1_000_000))
        for entry in event.entries:
            key = (entry.application_id, entry.api_id, entry.sandbox)
            limiter = self._limiters.limiter(key)
            if limiter is None:
                continue
            if is_history:
                limiter.fill([max(0, busy - age_us) * 1000 for busy in entry.busy_us], now_ns)
            elif entry.calls:
                limiter.count_elsewhere(entry.calls, now_ns)
            self._said[key] = heard_at
