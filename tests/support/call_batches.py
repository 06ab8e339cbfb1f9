"""Makes records of `gateway.requests` as the gateway's shipper does: for tests of whoever reads them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

from shared.events.call_record import CALL, FLAG_BILLABLE, STREAM_CLOSED, BatchHeader, checksum, pack_header


@dataclass(frozen=True)
class Call:
    """One call; the defaults are a billable success."""

    time_us: int
    subscription: int
    plan_version: int = 1
    api: int = 7
    operation: int = 3
    units: int = 1
    status: int = 200
    flags: int = FLAG_BILLABLE
    latency_us: int = 1_000

    def packed(self, sequence: int) -> bytes:
        """96 bytes with their checksum."""
        body = CALL.pack(
            sequence, self.time_us, self.subscription, 1, 10, 20, self.api, self.operation, self.plan_version,
            self.units, self.latency_us, 500, self.status, self.flags, os.urandom(16), 0,
        )  # fmt: skip
        return body[:-4] + checksum(body).to_bytes(4, "little")


def batch(stream_id: bytes, first: int, calls: Iterable[Call], complete_until_us: int = 0) -> bytes:
    """A record's value; no calls make a heartbeat."""
    packed = [call.packed(sequence) for sequence, call in zip(itertools.count(first), calls, strict=False)]
    return pack_header(BatchHeader(len(packed), stream_id, first, complete_until_us)) + b"".join(packed)


class WorkerRun:
    """A stream and everything it recorded, to be shipped in any slices."""

    def __init__(self) -> None:
        self.stream_id = os.urandom(16)
        self.calls: list[Call] = []

    def record(self, *calls: Call) -> None:
        """Append."""
        self.calls += calls

    def slice(self, first: int, end: int, complete_until_us: int = 0) -> bytes:
        """The calls first .. end - 1, counted from 0, as one Kafka record. A stream's first sequence is 1."""
        return batch(self.stream_id, first + 1, self.calls[first:end], complete_until_us)

    def heartbeat(self, complete_until_us: int) -> bytes:
        """No calls, only how far the stream is."""
        return batch(self.stream_id, len(self.calls) + 1, (), complete_until_us)

    def close(self) -> bytes:
        """The stream's last word."""
        return self.heartbeat(STREAM_CLOSED)


def at(call: Call, time_us: int) -> Call:
    """The same call at another time."""
    return replace(call, time_us=time_us)
