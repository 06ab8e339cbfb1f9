"""From the log to Kafka: batches byte for byte as the log holds them, acknowledged in the log after the broker did.

One stream goes to one partition, one batch at a time: the next leaves when the last is acknowledged, so complete_until
never overtakes the calls that it covers. A repeat after a failure carries the same sequences, which metering drops.
"""

import asyncio
import time
from collections.abc import Sequence

import structlog

from gateway import metrics
from gateway.adapters.kafka_sender import KafkaAway, KafkaSender
from gateway.adapters.refusal_counts import RefusalCounts
from gateway.adapters.write_ahead_log import WriteAheadLog
from shared.clock import Clock
from shared.events.call_record import CALL_BYTES, STREAM_CLOSED, BatchHeader, pack_header
from shared.events.envelope import encode, event_type, headers_for, to_kafka_headers
from shared.events.topics import GATEWAY_REFUSALS, GATEWAY_REQUESTS
from shared.service import run_part

log = structlog.get_logger()

BATCH_CALLS = 8_000  # 768 KB; a record may have 1 MB
# A lone call is shipped soon; where many come, larger batches cost each of them less.
GATHER_SECONDS = 0.02
GATHER_MANY_SECONDS = 0.1
MANY_CALLS = 100
HEARTBEAT_SECONDS = 1.0
RETRY_SECONDS = 0.5
_AWAY = (KafkaAway, OSError)


class UsageShipper:
    """Ships this worker's stream, the adopted ones, and the counts of refused calls."""

    def __init__(
        self,
        sender: KafkaSender,
        topic_prefix: str,
        current: WriteAheadLog,
        adopted: Sequence[WriteAheadLog],
        refusals: RefusalCounts,
        clock: Clock,
    ) -> None:
        self._sender = sender
        self._prefix = topic_prefix
        self._log = current
        self._adopted = list(adopted)
        self._refusals = refusals
        self._clock = clock
        self._heartbeat_at = 0.0
        self._closing = False
        self._adoption = asyncio.Event()
        self._last_batch = 0
        self.announced = asyncio.Event()  # Kafka has acknowledged the stream's first heartbeat

    def beat_now(self) -> None:
        """Business time moved: say complete_until without waiting for the next heartbeat."""
        self._heartbeat_at = 0.0
        self._log.appended.set()

    def adopt(self, stream: WriteAheadLog) -> None:
        """Ship and close a dead worker's stream, too."""
        self._adopted.append(stream)
        self._log.other_bytes = sum(one.bytes_on_disk for one in self._adopted)
        self._adoption.set()

    def close(self) -> None:
        """No call is open any more: ship the rest, close the stream, and end `run`."""
        self._closing = True
        self._adoption.set()
        self._log.appended.set()

    async def run(self) -> None:
        """Until closed, or cancelled; Kafka being away delays records and loses none."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(run_part(self._ship_adopted))
                await self._ship_current()
        finally:
            self._sender.close()

    async def _ship_current(self) -> None:
        while True:
            closing = self._closing
            try:
                await self._round(self._log)
                if closing:
                    await self._finish(self._log)
                    await self._send_refusals(everything=True)
                    return
                await self._heartbeat()
            except _AWAY as error:
                await self._failed(error)
                continue
            metrics.LOG_LAG.set(self._log.end - 1 - self._log.acknowledged)
            metrics.LOG_BYTES.set(self._log.bytes_on_disk + self._log.other_bytes)
            metrics.OPEN_CALLS.set(self._log.open_count)
            await self._wait()

    async def _wait(self) -> None:
        """Until something was appended (and a moment more, to gather), or a heartbeat is due."""
        try:
            async with asyncio.timeout(max(0.0, self._heartbeat_at + HEARTBEAT_SECONDS - time.monotonic())):
                await self._log.appended.wait()
        except TimeoutError:
            return
        self._log.listen_again()
        if not self._closing:
            await asyncio.sleep(GATHER_MANY_SECONDS if self._last_batch >= MANY_CALLS else GATHER_SECONDS)

    async def _round(self, stream: WriteAheadLog, complete_until_us: int | None = None) -> None:
        """Ship everything there is now. Only the batch that reaches the end may say a later complete_until."""
        until = stream.complete_until_us() if complete_until_us is None else complete_until_us
        end = stream.end
        if stream is self._log:
            self._last_batch = end - 1 - stream.acknowledged
        while stream.acknowledged + 1 < end:
            first = stream.acknowledged + 1
            calls = stream.read(first, min(BATCH_CALLS, end - first))
            count = len(calls) // CALL_BYTES
            is_last = first + count == end
            await self._send_batch(stream, first, calls, until if is_last else stream.stated_complete_until_us)
            stream.acknowledge(first + count - 1)
            metrics.SHIPPED.inc(count)
            if stream is self._log:
                self._heartbeat_at = time.monotonic()
                self.announced.set()

    async def _heartbeat(self) -> None:
        """An idle stream says how far it is complete, too, and what was refused goes with it."""
        if time.monotonic() - self._heartbeat_at < HEARTBEAT_SECONDS and not self._closing:
            return
        until = self._log.complete_until_us()
        # Between the two there was no await: what is in the log up to here is either shipped or ahead of `until`.
        if self._log.acknowledged + 1 < self._log.end:
            until = self._log.stated_complete_until_us
        await self._send_batch(self._log, self._log.acknowledged + 1, b"", until)
        self._heartbeat_at = time.monotonic()
        self.announced.set()
        await self._send_refusals()

    async def _finish(self, stream: WriteAheadLog) -> None:
        """The stream will never grow again."""
        await self._send_batch(stream, stream.end, b"", STREAM_CLOSED)
        stream.delete()

    async def _ship_adopted(self) -> None:
        while True:
            if not self._adopted:
                if self._closing:
                    return
                await self._adoption.wait()
                self._adoption.clear()
                continue
            stream = self._adopted[0]
            try:
                # What it said last still holds, and closing says the rest.
                await self._round(stream, stream.stated_complete_until_us)
                await self._finish(stream)
            except _AWAY as error:
                await self._failed(error)
                continue
            self._adopted.pop(0)
            self._log.other_bytes = sum(one.bytes_on_disk for one in self._adopted)
            log.info("adopted stream shipped and closed", stream=stream.stream_id.hex(), calls=stream.end - 1)

    async def _send_batch(self, stream: WriteAheadLog, first: int, calls: bytes, complete_until_us: int) -> None:
        # Closing is final: an adopter may close a stream again, but never open it.
        stream.state_complete_until(complete_until_us)
        header = BatchHeader(len(calls) // CALL_BYTES, stream.stream_id, first, complete_until_us)
        await self._sender.send(
            self._prefix + GATEWAY_REQUESTS.name,
            pack_header(header) + calls,
            key=stream.stream_id,
            partition=stream.partition,
        )

    async def _send_refusals(self, *, everything: bool = False) -> None:
        events = self._refusals.take(everything=everything)
        if not events:
            return
        sends = [
            self._sender.send(
                self._prefix + GATEWAY_REFUSALS.name,
                encode(event),
                key=str(event.api_number).encode(),
                headers=to_kafka_headers(
                    headers_for(
                        event_id=event.event_id,
                        kind=event_type(event),
                        source="gateway",
                        time=self._clock.now(),
                        traceparent=None,
                    )
                ),
            )
            for event in events
        ]
        try:
            await asyncio.gather(*sends)
        except _AWAY:
            # Counts, not money: a repeat after a half-sent batch counts some refusals twice.
            self._refusals.give_back(events)
            raise

    async def _failed(self, error: Exception) -> None:
        metrics.SHIP_FAILURES.inc()
        log.warning("Kafka does not take calls, will retry", error=repr(error))
        await asyncio.sleep(RETRY_SECONDS)
