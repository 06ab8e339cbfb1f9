"""The write-ahead log of calls: every admitted call is in it before the last byte of its answer leaves.

A call reserves its room when it is admitted (`open_call`), so that `append` cannot fail. The commit word of a record
is written last: a record without it is torn. Open calls stand in a table beside the log; who adopts the log of a dead
worker appends them as intents, unbilled. All calls are synchronous and belong to one event loop.
"""

import asyncio
import secrets
from array import array
from typing import Any

import structlog

from gateway import metrics
from gateway.adapters.record_writer import RecordWriter
from gateway.adapters.stream_files import StreamFiles
from gateway.ports import CallLog
from gateway.ticks import now_seconds, real_us
from shared.clock import Clock, SystemClock
from shared.events.call_record import CALL, CALL_BYTES, FLAG_INTENT_ONLY, STREAM_CLOSED, checksum

log = structlog.get_logger()

# A call open for longer no longer holds the stream's complete_until back: its record becomes a late row.
LONG_CALL_SECONDS = 30.0
# Readers take a call's admission as its time less its latency, which is measured on another clock: room for the drift.
CLAIM_MARGIN_US = 20_000

# How far behind a hole whole records are looked for: a page that was not written holds 42 of them.
SEARCHED_RECORDS = 4096
# The next segment is made when less than this share of the present one is left.
PREPARE_SHARE = 0.25


class WriteAheadLog(CallLog):
    """The log of one stream."""

    def __init__(self, files: StreamFiles, clock: Clock, *, max_bytes: int, other_bytes: int = 0) -> None:
        self._files = files
        self._clock = clock
        self._is_real_time = type(clock) is SystemClock  # then business time is read without asking it
        self._max_bytes = max_bytes
        self.other_bytes = other_bytes  # of adopted streams that are still being shipped
        self.appended = asyncio.Event()
        self._is_told = False  # `appended` is set
        acknowledged, time_us, complete_until_us = files.checkpoint()
        self.acknowledged = acknowledged
        self._acknowledged_us = time_us
        self.stated_complete_until_us = complete_until_us
        self._last_us = max(time_us, 0 if complete_until_us == STREAM_CLOSED else complete_until_us)
        self.end = acknowledged + 1  # the next sequence
        self._records = files.segment_records
        numbers = files.segment_numbers()
        self._first_segment = numbers[0] if numbers else acknowledged // self._records
        self._allocated = (numbers[-1] + 1) * self._records if numbers else self._first_segment * self._records
        self._request_prefix = files.stream_id[:8]
        self._requests = 0
        self._slots = files.open_slots
        self._free = list(range(files.open_slots - 1, -1, -1))
        # When each open call was admitted: business time (0: no call), and the monotonic clock in seconds.
        self._admitted_us = array("q", bytes(8 * files.open_slots))
        self._since = array("d", bytes(8 * files.open_slots))
        self._used_slots = 0  # slots below this have held a call
        self._open_calls = RecordWriter(files.open_calls)
        self._segment: RecordWriter | None = None
        self._segment_number = -1

    @property
    def stream_id(self) -> bytes:
        """16 bytes."""
        return self._files.stream_id

    @property
    def partition(self) -> int:
        """Of gateway.requests, for life."""
        return self._files.partition

    @property
    def bytes_on_disk(self) -> int:
        """Of all segments."""
        return (self._allocated // self._records - self._first_segment) * self._files.segment_bytes

    @property
    def open_count(self) -> int:
        """Calls under way."""
        return self._slots - len(self._free)

    def _now_us(self) -> int:
        """Business time that never runs back within the stream."""
        now = real_us() if self._is_real_time else self._clock.now_us()
        if now < self._last_us:
            return self._last_us
        self._last_us = now
        return now

    def open_call(self, subscription: int, application: int, api: int, operation: int, plan: int, flags: int) -> int:
        """Reserve the record's room and note the call as open; -1 when there is no room."""
        if not self._free or (self._allocated - self.end + 1 - self._slots + len(self._free) <= 0 and not self._grow()):
            metrics.LOG_FULL.inc()
            return -1
        slot = self._free.pop()
        if slot >= self._used_slots:
            self._used_slots = slot + 1
        self._requests += 1
        now = self._now_us()
        self._admitted_us[slot] = now
        self._since[slot] = now_seconds()
        self._open_calls.open(
            slot, now, subscription, application, api, operation, plan, flags | FLAG_INTENT_ONLY,
            self._request_prefix, self._requests,
        )  # fmt: skip
        return slot

    def request_id(self, slot: int) -> bytes:
        """The name of the open call, 32 hexadecimal digits; of -1, of a call that is let through unrecorded."""
        if slot < 0:
            metrics.UNRECORDED.inc()
            return secrets.token_hex(16).encode()
        return self._open_calls.request_id(slot)

    def _may_grow(self) -> bool:
        # A single segment is always allowed, or a small bound would stop the gateway for good.
        size = self._files.segment_bytes
        return not self.bytes_on_disk or self.bytes_on_disk + self.other_bytes + size <= self._max_bytes

    def segment_to_prepare(self) -> int:
        """The number of the segment that will be needed soon, or -1; to be made by a thread (`make_segment`)."""
        left = self._allocated - self.end + 1 - self.open_count
        return self._allocated // self._records if left < self._records * PREPARE_SHARE and self._may_grow() else -1

    def make_segment(self, number: int) -> None:
        """Take the blocks of a segment's file, away from the loop. Raises OSError when the disk is full."""
        self._files.allocate(number)

    def sync(self) -> None:
        """To the disk, away from the loop: what a power loss may take is what came since the last time."""
        self._files.sync()

    def _grow(self) -> bool:
        """One segment more, within the bound and the disk."""
        if not self._may_grow():
            return False
        try:
            self._files.segment(self._allocated // self._records)
        except OSError as error:
            log.error("the log cannot grow", error=str(error))
            return False
        self._allocated += self._records
        return True

    def append(
        self,
        slot: int,
        bytes_in: int,
        bytes_out: int,
        units: int,
        latency_us: int,
        upstream_us: int,
        status: int,
        flags: int,
    ) -> None:
        """Record the call and close its slot: the record first, so that a death in between leaves both, not none."""
        number = (self.end - 1) // self._records
        segment = self._segment
        if segment is None or number != self._segment_number:
            segment = self._enter_segment(number)
        segment.close(
            self.end - 1 - number * self._records, self.end, self._now_us(), self._open_calls, slot, bytes_in,
            bytes_out, units, latency_us, upstream_us, status, flags,
        )  # fmt: skip
        self.end += 1
        self._admitted_us[slot] = 0
        self._free.append(slot)
        if not self._is_told:
            self._is_told = True
            self.appended.set()

    def listen_again(self) -> None:
        """Tell of the next record by `appended`."""
        self._is_told = False
        self.appended.clear()

    def _enter_segment(self, number: int) -> RecordWriter:
        self._leave_segment()
        segment = self._segment = RecordWriter(self._files.segment(number))
        self._segment_number = number
        return segment

    def _leave_segment(self) -> None:
        if self._segment is not None:
            self._segment.release()
        self._segment = None
        self._segment_number = -1

    def complete_until_us(self) -> int:
        """No record admitted before this instant will come any more, but for calls open over 30 s.

        At most the admission of the oldest call in flight, at most now; later appends are never before it, because
        `_now_us` never runs back. A clock that jumps ahead moves it only once the calls admitted before are over.
        """
        now = self._now_us()
        limit = now_seconds() - LONG_CALL_SECONDS
        oldest = now
        for slot in range(self._used_slots):
            admitted_us = self._admitted_us[slot]
            if admitted_us and admitted_us < oldest and self._since[slot] > limit:
                oldest = admitted_us
        return max(self.stated_complete_until_us, min(now, oldest) - CLAIM_MARGIN_US)

    def state_complete_until(self, complete_until_us: int) -> None:
        """It is about to be sent: whoever adopts this log must not say less, nor record anything before it."""
        self.stated_complete_until_us = complete_until_us
        self._files.write_checkpoint(self.acknowledged, self._acknowledged_us, complete_until_us)

    def read(self, first: int, most: int) -> bytes:
        """Records from `first` on, at most `most`, up to the end of a segment."""
        number, index = divmod(first - 1, self._records)
        count = min(most, self.end - first, self._records - index)
        return self._files.segment(number)[index * CALL_BYTES : (index + count) * CALL_BYTES]

    def acknowledge(self, sequence: int) -> None:
        """Kafka has all records up to `sequence`: remember it, free what is wholly acknowledged."""
        record = self.read(sequence, 1)
        self._acknowledged_us = CALL.unpack(record)[1]
        self.acknowledged = sequence
        self._files.write_checkpoint(sequence, self._acknowledged_us, self.stated_complete_until_us)
        while (self._first_segment + 1) * self._records <= sequence:
            if self._first_segment == self._segment_number:
                self._leave_segment()
            self._files.drop_segment(self._first_segment)
            self._first_segment += 1
        self._allocated = max(self._allocated, self._first_segment * self._records)

    def recover(self) -> int:
        """Find the end of a dead worker's log, and append the calls that were open as intents; how many."""
        recent = self._find_end()
        table = self._files.open_calls
        intents = []
        for slot in range(self._files.open_slots):
            record = table[slot * CALL_BYTES : (slot + 1) * CALL_BYTES]
            fields = CALL.unpack(record)
            # A call that is in the log and still in the table: its worker died between the two writes.
            if fields[-1] and fields[-1] == checksum(record) and fields[-2] not in recent:
                intents.append(fields)
        intents.sort(key=lambda fields: fields[1])
        for fields in intents:
            if self._allocated < self.end:
                self._files.segment(self._allocated // self._records)
                self._allocated += self._records
            self._last_us = max(self._last_us, fields[1])
            self._append_fields(fields, self._now_us())
        # Written to the log: gone from the table, or a second adopter would append them again.
        table[:] = bytes(len(table))
        return len(intents)

    def _append_fields(self, fields: tuple[Any, ...], time_us: int) -> None:
        """A record as it was read, with the next sequence and this time."""
        _, _, subscription, application, bytes_in, bytes_out, api, operation, plan, units, *rest = fields
        latency_us, upstream_us, status, flags, request_id, _ = rest
        number, index = divmod(self.end - 1, self._records)
        self._enter_segment(number).put(
            index, self.end, time_us, subscription, application, bytes_in, bytes_out, api, operation, plan,
            units, latency_us, upstream_us, status, flags, request_id,
        )  # fmt: skip
        self.end += 1

    def _find_end(self) -> set[bytes]:
        """Move `end` behind the last whole record; the request ids of all that Kafka lacks.

        Without a power loss only the last record can be torn. Pages that a power loss took leave holes between whole
        records: those are filled with empty intents, so that what came after them is not lost with them.
        """
        recent: set[bytes] = set()
        last = self.acknowledged
        for sequence in range(self.acknowledged + 1, self._allocated + 1):
            fields = self._whole_record(sequence)
            if fields is not None:
                last = sequence
                recent.add(fields[-2])
                self._last_us = max(self._last_us, fields[1])
            elif sequence > last + SEARCHED_RECORDS:
                break
        previous_us = self._acknowledged_us
        while self.end <= last:
            fields = self._whole_record(self.end)
            if fields is None:
                self._report_damage()
                request_id = self._request_prefix + b"\xff" + self.end.to_bytes(7, "big")
                self._append_fields((0, previous_us, *(0,) * 11, FLAG_INTENT_ONLY, request_id, 0), previous_us)
            else:
                previous_us = fields[1]
                self.end += 1
        if self.end <= self._allocated and any(self._raw_record(self.end)):
            self._report_damage()
        return recent

    def _report_damage(self) -> None:
        metrics.TORN.inc()
        log.error("torn record in a dead worker's log", stream=self.stream_id.hex(), sequence=self.end)

    def _raw_record(self, sequence: int) -> bytes:
        number, index = divmod(sequence - 1, self._records)
        return self._files.segment(number)[index * CALL_BYTES : (index + 1) * CALL_BYTES]

    def _whole_record(self, sequence: int) -> tuple[Any, ...] | None:
        record = self._raw_record(sequence)
        fields = CALL.unpack(record)
        return fields if fields[0] == sequence and fields[-1] == checksum(record) else None

    def close(self) -> None:
        """Leave the rest to whoever adopts the stream."""
        self._leave_segment()
        self._open_calls.release()
        self._files.close()

    def delete(self) -> None:
        """Everything is acknowledged and the stream is closed at Kafka."""
        if self.acknowledged + 1 != self.end or self.stated_complete_until_us != STREAM_CLOSED:
            raise ValueError("the stream is not finished")
        self._leave_segment()
        self._open_calls.release()
        self._files.delete()
