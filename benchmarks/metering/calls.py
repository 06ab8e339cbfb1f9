"""The same calls in two forms: the gateway's binary batches, and a CloudEvent in JSON each."""

import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared.events.call_record import (
    CALL_BYTES,
    COMMIT_OFFSET,
    FIELDS,
    FLAG_BILLABLE,
    BatchHeader,
    pack_header,
)

CALL = np.dtype(list(FIELDS))
STREAMS = 8
MINUTES = 5
OPERATIONS = 8
MINUTE_US = 60_000_000

Columns = dict[str, npt.NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Traffic:
    """How many calls, of how many subscriptions (few busy ones, many quiet ones), ending now."""

    calls: int
    subscriptions: int
    now_us: int
    seed: int

    def columns(self) -> Columns:
        """One array per fact of a call, in the order of time."""
        random = np.random.default_rng(self.seed)
        count = self.calls
        return {
            "time_us": np.linspace(self.now_us - MINUTES * MINUTE_US, self.now_us - 1, count).astype(np.int64),
            "subscription": random.zipf(1.3, count).astype(np.int64) % self.subscriptions + 1,
            "operation": random.integers(0, OPERATIONS, count),
            "status": random.choice(np.array([200, 201, 404]), count, p=[0.9, 0.07, 0.03]),
            "latency_us": random.lognormal(8, 1, count).astype(np.int64),
        }


def binary_records(columns: Columns, per_record: int, repeat_every: int) -> Iterator[tuple[int, bytes]]:
    """(stream, value of a Kafka record). Every `repeat_every`-th comes twice, as from whoever adopts a log."""
    streams = [os.urandom(16) for _ in range(STREAMS)]
    next_sequence = [1] * STREAMS
    count = len(columns["time_us"])
    for number, first in enumerate(range(0, count, per_record)):
        stream = number % STREAMS
        part = slice(first, min(first + per_record, count))
        calls = np.zeros(part.stop - part.start, CALL)
        calls["sequence"] = next_sequence[stream] + np.arange(len(calls))
        calls["time_us"] = columns["time_us"][part]
        calls["subscription"] = columns["subscription"][part]
        calls["api"], calls["plan_version"], calls["application"] = 7, 1, 1
        calls["operation"] = columns["operation"][part]
        calls["units"], calls["bytes_in"], calls["bytes_out"] = 1, 10, 1000
        calls["latency_us"] = columns["latency_us"][part]
        calls["status"] = columns["status"][part]
        calls["flags"] = np.where(calls["status"] < 400, FLAG_BILLABLE, 0)
        calls["request_id"] = np.frombuffer(os.urandom(16 * len(calls)), "V16")
        raw = calls.tobytes()
        calls["commit"] = [
            zlib.crc32(raw[start : start + COMMIT_OFFSET]) or 1 for start in range(0, len(raw), CALL_BYTES)
        ]
        header = BatchHeader(len(calls), streams[stream], next_sequence[stream], int(calls["time_us"][-1]))
        value = pack_header(header) + calls.tobytes()
        next_sequence[stream] += len(calls)
        yield stream, value
        if repeat_every and number % repeat_every == repeat_every - 1:
            yield stream, value


def json_events(columns: Columns, repeat_every: int) -> Iterator[tuple[bytes, bytes]]:
    """(key, value): one CloudEvent a call, keyed by subscription as such systems do; some come twice."""
    rows = zip(*(columns[name].tolist() for name in ("time_us", "subscription", "operation", "status", "latency_us")),
               strict=True)  # fmt: skip
    for number, (time_us, subscription, operation, status, latency_us) in enumerate(rows):
        subject = f"sub_{subscription}"
        event = {
            "specversion": "1.0",
            "id": os.urandom(16).hex(),
            "source": "gateway",
            "type": "api.call",
            "subject": subject,
            "time_us": time_us,
            "data": {
                "subscription": subscription, "plan_version": 1, "api": 7, "operation": operation, "units": 1,
                "status": status, "latency_us": latency_us, "bytes_in": 10, "bytes_out": 1000,
                "billable": status < 400,
            },
        }  # fmt: skip
        value = json.dumps(event, separators=(",", ":")).encode()
        yield subject.encode(), value
        if repeat_every and number % repeat_every == repeat_every - 1:
            yield subject.encode(), value
