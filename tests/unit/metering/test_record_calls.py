"""What becomes of a poll's batches, on a store in memory."""

import os
from collections.abc import Collection, Mapping, Sequence

import pytest
from tests.support.call_batches import Call, WorkerRun, batch

from metering.domain.aggregation import WindowColumns
from metering.domain.call_batch import Calls, join, no_calls
from metering.domain.period import Period, Terms, boundaries
from metering.domain.stream import StreamPosition
from metering.domain.usage_window import Usage, WindowKey
from metering.ports import StreamUpdate
from metering.use_cases.apply_subscriptions import SubscriptionFacts, apply_subscriptions, release_waiting
from metering.use_cases.record_calls import Batch, record_calls
from shared.events.call_record import FLAG_INTENT_ONLY, STREAM_CLOSED, BatchHeader, pack_header

T_US = 1_790_000_000_000_000


class MemoryStore:
    def __init__(self, *numbers: int) -> None:
        self.streams: dict[bytes, StreamPosition] = {}
        self.windows: dict[WindowKey, Usage] = {}
        self.known = {number: Terms(number, (T_US - 10**9,)) for number in numbers}
        self.versions: dict[int, int] = {}
        self.waiting: list[Calls] = []

    async def positions(self, streams: Mapping[bytes, int]) -> dict[bytes, StreamPosition]:
        return {stream_id: self.streams.get(stream_id, StreamPosition()) for stream_id in streams}

    async def save_positions(self, updates: Sequence[StreamUpdate]) -> None:
        self.streams |= {update.stream_id: update.position for update in updates}

    async def terms(self, numbers: Collection[int]) -> dict[int, Terms]:
        return {number: self.known[number] for number in numbers if number in self.known}

    async def add(self, windows: WindowColumns) -> None:
        for key, usage in windows.windows().items():
            self.windows[key] = usage.plus(self.windows.get(key, Usage(0, 0)))

    async def park(self, streams: Sequence[bytes], calls: Calls) -> None:
        assert len(streams) == len(calls)
        self.waiting.append(calls)

    async def take_waiting(self, numbers: Collection[int]) -> Calls:
        calls = join(self.waiting) if self.waiting else no_calls()
        chosen = [call["subscription"] in set(numbers) for call in calls]
        self.waiting = [calls[[not mine for mine in chosen]]]
        return calls[chosen]

    async def waiting_and_known(self, limit: int) -> list[int]:
        return [number for number in set(join(self.waiting)["subscription"].tolist()) if number in self.known][:limit]

    async def save_subscription(
        self, number: int, subscription_id: str, version: int, end_us: int | None, period: Period | None
    ) -> bool:
        if version <= self.versions.get(number, 0):
            return False
        self.versions[number] = version
        if period is not None:
            self.known[number] = Terms(number, boundaries([period]), end_us)
        return True

    @property
    def calls(self) -> int:
        return sum(usage.calls for usage in self.windows.values())


def run_of(count: int, subscription: int = 1) -> WorkerRun:
    run = WorkerRun()
    run.record(*(Call(T_US + place * 1000, subscription) for place in range(count)))
    return run


async def test_overlapping_and_repeated_batches_count_once() -> None:
    store, run = MemoryStore(1), run_of(100)
    slices = [(0, 40), (20, 60), (0, 40), (50, 100), (0, 100)]
    recorded = await record_calls(store, [Batch(0, run.slice(*each)) for each in slices], 0)
    assert (store.calls, recorded.counted, recorded.duplicates) == (100, 100, 170)


async def test_a_gap_is_open_until_it_is_filled() -> None:
    store, run = MemoryStore(1), run_of(30)
    recorded = await record_calls(store, [Batch(0, run.slice(0, 10, 5)), Batch(0, run.slice(20, 30, 9))], 77)
    position = store.streams[run.stream_id]
    assert (recorded.gap_sequences, store.calls, position.held_until_us) == (10, 20, 5)
    assert position.gaps[0].opened_at_us == 77
    recorded = await record_calls(store, [Batch(0, run.slice(5, 25))], 78)
    assert (recorded.filled, store.calls, store.streams[run.stream_id].gaps) == (10, 30, ())


async def test_a_torn_call_is_not_counted_and_its_sound_copy_is() -> None:
    store, run = MemoryStore(1), run_of(5)
    torn = bytearray(run.slice(0, 5, 99))
    torn[48 + 2 * 96 + 92 : 48 + 3 * 96] = bytes(4)
    recorded = await record_calls(store, [Batch(0, bytes(torn))], 0)
    assert (recorded.torn, store.calls, recorded.rejected) == (1, 4, [(0, "1 torn calls of 5")])
    assert store.streams[run.stream_id].claimed_until_us == 0, "its claim includes the torn call"
    await record_calls(store, [Batch(0, run.slice(0, 5))], 0)
    assert store.calls == 5


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"not a record",
        os.urandom(48 + 96),
        batch(bytes(16), 1, [Call(T_US, 1)])[:-1],
        batch(bytes(16), 0, [Call(T_US, 1)]),
        pack_header(BatchHeader(0, bytes(16), 2**63, 0)),
        pack_header(BatchHeader(0, bytes(16), 0, STREAM_CLOSED - 1)),
    ],
)
async def test_a_foreign_record_is_rejected_and_its_neighbours_count(value: bytes) -> None:
    store, run = MemoryStore(1), run_of(3)
    recorded = await record_calls(store, [Batch(0, value), Batch(0, run.slice(0, 3))], 0)
    assert [index for index, _ in recorded.rejected] == [0]
    assert store.calls == 3


async def test_a_call_of_nobody_is_seen_and_never_counted() -> None:
    store, run = MemoryStore(1), run_of(2, subscription=0)
    recorded = await record_calls(store, [Batch(0, run.slice(0, 2))], 0)
    assert (recorded.uncountable, store.calls, store.streams[run.stream_id].next_sequence) == (2, 0, 3)


async def test_an_intent_counts_apart_and_is_never_billed() -> None:
    store, run = MemoryStore(1), WorkerRun()
    run.record(Call(T_US, 1, flags=FLAG_INTENT_ONLY | 1, status=200), Call(T_US, 1))
    await record_calls(store, [Batch(0, run.slice(0, 2))], 0)
    assert {(key.billable, key.status_class): usage for key, usage in store.windows.items()} == {
        (False, 0): Usage(1, 0),
        (True, 2): Usage(1, 1),
    }


async def test_calls_wait_for_their_subscription_and_are_counted_when_it_comes() -> None:
    store, run = MemoryStore(1), WorkerRun()
    run.record(Call(T_US, 1), Call(T_US, 2), Call(T_US, 2))
    recorded = await record_calls(store, [Batch(0, run.slice(0, 3)), Batch(0, run.slice(0, 3))], 0)
    assert (recorded.counted, recorded.waiting, store.calls) == (1, 2, 1)
    facts = SubscriptionFacts(2, "sub_2", 1, None, None)
    assert await apply_subscriptions(store, [facts]) == 0, "without a period there is nowhere to count"
    facts = SubscriptionFacts(2, "sub_2", 2, None, Period(T_US - 5, None))
    assert await apply_subscriptions(store, [facts, facts]) == 2
    assert store.calls == 3


async def test_the_sweep_counts_what_was_passed_over() -> None:
    store, run = MemoryStore(), run_of(4)
    await record_calls(store, [Batch(0, run.slice(0, 4))], 0)
    store.known[1] = Terms(1, (T_US,))
    assert (await release_waiting(store), store.calls) == (4, 4)


async def test_an_older_state_is_ignored() -> None:
    store = MemoryStore()
    new, old = (SubscriptionFacts(1, "sub_1", v, None, Period(T_US + v, None)) for v in (5, 4))
    await apply_subscriptions(store, [new, old])
    assert store.known[1].boundaries_us == (T_US + 5,)


async def test_heartbeats_and_closing_are_noted() -> None:
    store, run = MemoryStore(1), run_of(2)
    await record_calls(store, [Batch(3, run.slice(0, 2, 10)), Batch(3, run.heartbeat(20)), Batch(3, run.close())], 0)
    position = store.streams[run.stream_id]
    assert (position.claimed_until_us, position.closed, position.next_sequence) == (20, True, 3)
