"""Count what has not been counted: a poll's batches of calls, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from metering.domain import stream
from metering.domain.aggregation import aggregate, is_known, numbers_of
from metering.domain.call_batch import LATEST_US, Calls, decode_calls, is_committed, is_countable, join
from metering.domain.stream import FIRST_SEQUENCE, Span, StreamPosition
from metering.ports import StreamUpdate, UsageStore
from shared.events.call_record import STREAM_CLOSED, BatchHeader, unpack_header

_LARGEST_SEQUENCE = 1 << 62


@dataclass(frozen=True, slots=True)
class Batch:
    """One record of the calls' topic."""

    partition: int
    value: bytes


@dataclass(slots=True)
class Recorded:
    """What became of a poll's calls. `rejected`: index of a batch and why it goes to the dead letters."""

    rejected: list[tuple[int, str]] = field(default_factory=list)
    counted: int = 0
    duplicates: int = 0
    torn: int = 0
    uncountable: int = 0
    waiting: int = 0
    gap_sequences: int = 0
    filled: int = 0


@dataclass(slots=True)
class _Poll:
    """Work in progress."""

    outcome: Recorded
    positions: dict[bytes, StreamPosition]
    fresh: list[Calls] = field(default_factory=list)
    streams: list[bytes] = field(default_factory=list)


async def record_calls(store: UsageStore, batches: Sequence[Batch], now_us: int) -> Recorded:
    """Trim what was seen, count what is new, let wait what cannot be placed yet. `now_us` is real time.

    A torn call is left out and stays a gap of its stream, so that a sound copy of it can still be counted; the batch it
    came in is rejected besides, which keeps it as evidence.
    """
    outcome = Recorded()
    headers = _headers(batches, outcome)
    partitions = {header.stream_id: batches[index].partition for index, header in headers}
    poll = _Poll(outcome, await store.positions(partitions))
    for index, header in headers:
        _take(poll, index, header, batches[index].value, now_us)
    await store.save_positions(
        [StreamUpdate(stream_id, partitions[stream_id], position) for stream_id, position in poll.positions.items()]
    )
    await _count(store, poll)
    return outcome


def _headers(batches: Sequence[Batch], outcome: Recorded) -> list[tuple[int, BatchHeader]]:
    headers = []
    for index, batch in enumerate(batches):
        try:
            header = unpack_header(batch.value)
            if header.first_sequence > _LARGEST_SEQUENCE or LATEST_US < header.complete_until_us < STREAM_CLOSED:
                raise ValueError("absurd numbers in the header")
            if header.count and header.first_sequence < FIRST_SEQUENCE:
                raise ValueError(f"sequences start at {FIRST_SEQUENCE}")
        except ValueError as error:
            outcome.rejected.append((index, f"header: {error}"))
        else:
            headers.append((index, header))
    return headers


def _take(poll: _Poll, index: int, header: BatchHeader, value: bytes, now_us: int) -> None:
    outcome = poll.outcome
    calls = decode_calls(value)
    sound = is_committed(calls, header.first_sequence)
    position = poll.positions[header.stream_id]
    torn = header.count - int(np.count_nonzero(sound))
    parts = stream.runs(sound.tolist()) if torn else (Span(0, header.count),)
    for part in parts:
        accepted = stream.accept(position, header.first_sequence + part.first, part.count, now_us)
        position = accepted.position
        outcome.duplicates += accepted.duplicates
        outcome.filled += accepted.filled
        outcome.gap_sequences += accepted.opened.count if accepted.opened else 0
        for span in accepted.fresh:
            poll.fresh.append(calls[span.first - header.first_sequence : span.end - header.first_sequence])
            poll.streams.append(header.stream_id)
    if torn:
        # What the header claims includes the torn calls, which have not been counted.
        outcome.torn += torn
        outcome.rejected.append((index, f"{torn} torn calls of {header.count}"))
    else:
        closed = header.complete_until_us == STREAM_CLOSED
        position = stream.claim(position, 0 if closed else header.complete_until_us, closed=closed)
    poll.positions[header.stream_id] = position


async def _count(store: UsageStore, poll: _Poll) -> None:
    calls = join(poll.fresh)
    countable = is_countable(calls)
    poll.outcome.uncountable = int(np.count_nonzero(~countable))
    terms = await store.terms(numbers_of(calls[countable])) if len(calls) else {}
    known = countable & is_known(calls, terms)
    waits = countable & ~known
    poll.outcome.waiting = int(np.count_nonzero(waits))
    if poll.outcome.waiting:
        streams = [
            stream_id for stream_id, part in zip(poll.streams, poll.fresh, strict=True) for _ in range(len(part))
        ]
        await store.park([streams[place] for place in np.flatnonzero(waits).tolist()], calls[waits])
    poll.outcome.counted = int(np.count_nonzero(known))
    if poll.outcome.counted:
        await store.add(aggregate(calls[known], terms))
