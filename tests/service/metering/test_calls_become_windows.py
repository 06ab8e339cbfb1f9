"""From records of calls to usage windows, on real Kafka and PostgreSQL."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import structs
from tests.support.call_batches import Call, WorkerRun
from tests.support.eventually import eventually
from tests.support.metering_process import Bus, MeteringProcess, query, subscription

from shared.clock import real_now, to_us
from shared.events.call_record import FLAG_BILLABLE, FLAG_INTENT_ONLY, FLAG_SANDBOX

T0 = real_now().replace(minute=10, second=0, microsecond=0) - timedelta(hours=2)


def calls(number: int, count: int, start: datetime = T0, apart_us: int = 50_000) -> list[Call]:
    return [Call(to_us(start) + place * apart_us, number) for place in range(count)]


async def test_rebatched_duplicates_count_once(metering: MeteringProcess, bus: Bus) -> None:
    await bus.state(subscription(1, T0))
    run, chance = WorkerRun(), random.Random(7)
    run.record(*calls(1, 3_000))
    cuts = sorted({0, 3_000, *(chance.randrange(3_000) for _ in range(60))})
    values = [run.slice(first, end) for first, end in pairwise(cuts)]
    adopted = [run.slice(first, min(first + 170, 3_000)) for first in range(0, 3_000, 97)]
    mixed = values + adopted + values
    chance.shuffle(mixed)
    await bus.calls(*mixed)
    await bus.total("sub_1", 3_000)
    windows = await bus.windows("sub_1")
    assert sum(window.units for window in windows.values()) == 3_000
    assert {window.window_start for window in windows.values()} == {T0 + timedelta(minutes=m) for m in range(3)}
    stored = await query(metering.database_url, "select calls, units from usage_totals where subscription_number = 1")
    assert [tuple(row) for row in stored] == [(3_000, 3_000)]
    assert not await query(metering.database_url, "select 1 from stream_gaps where stream_id = $1", run.stream_id)


async def test_calls_wait_for_their_subscription(metering: MeteringProcess, bus: Bus) -> None:
    run = WorkerRun()
    run.record(*calls(2, 40))
    await bus.calls(run.slice(0, 25), run.slice(10, 40))

    async def waiting() -> bool:
        rows = await query(metering.database_url, "select count(*) from waiting_calls where subscription_number = 2")
        return rows[0][0] == 40

    await eventually(waiting, timeout_seconds=30)
    assert not await bus.windows("sub_2")
    await bus.state(subscription(2, T0))
    await bus.total("sub_2", 40)
    assert not await query(metering.database_url, "select 1 from waiting_calls where subscription_number = 2")


async def test_a_window_never_spans_a_period_boundary(bus: Bus) -> None:
    boundary = T0 + timedelta(seconds=17, microseconds=3)
    await bus.state(subscription(3, T0 - timedelta(days=30), current_period_end=boundary))
    run = WorkerRun()
    run.record(*(Call(to_us(boundary) + step, 3) for step in (-2, -1, 0, 1, 2)), Call(to_us(T0) + 61_000_000, 3))
    await bus.calls(run.slice(0, 6))
    await bus.total("sub_3", 6)
    found = {(w.period_start, w.window_start): w.calls for w in (await bus.windows("sub_3")).values()}
    assert found == {
        (T0 - timedelta(days=30), T0): 2,
        (boundary, boundary): 3,
        (boundary, T0 + timedelta(minutes=1)): 1,
    }


async def test_a_late_call_goes_to_its_own_old_period(bus: Bus) -> None:
    second = T0 + timedelta(days=1)
    first = subscription(4, T0 - timedelta(days=29), current_period_end=second)
    await bus.state(first)
    await bus.state(
        structs.replace(first, version=2, current_period_start=second, current_period_end=second + timedelta(days=30))
    )
    run = WorkerRun()
    run.record(Call(to_us(second) + 5, 4), Call(to_us(second) - 5, 4))
    await bus.calls(run.slice(0, 2))
    await bus.total("sub_4", 2)
    assert {w.period_start: w.calls for w in (await bus.windows("sub_4")).values()} == {
        T0 - timedelta(days=29): 1,
        second: 1,
    }


async def test_a_call_recorded_after_the_end_counts_just_before_it(bus: Bus) -> None:
    end = T0 + timedelta(minutes=5)
    await bus.state(subscription(5, T0, status="canceling", access_ended_at=end, version=3))
    run = WorkerRun()
    run.record(*(Call(to_us(end) + late_us, 5) for late_us in (-1, 0, 1, 90_000_000)))
    await bus.calls(run.slice(0, 4))
    await bus.total("sub_5", 4)
    assert [w.window_start for w in (await bus.windows("sub_5")).values()] == [end - timedelta(minutes=1)]


async def test_outcome_classes_and_environments_count_apart(bus: Bus) -> None:
    await bus.state(subscription(6, T0))
    run, ok = WorkerRun(), Call(to_us(T0), 6, units=4)
    run.record(
        ok,
        replace(ok, status=404, flags=0),
        replace(ok, flags=FLAG_SANDBOX | FLAG_BILLABLE),
        replace(ok, flags=FLAG_INTENT_ONLY | FLAG_BILLABLE, status=0),
    )
    await bus.calls(run.slice(0, 4))
    await bus.total("sub_6", 4)
    found = {(w.environment, w.billable, w.status_class): w.units for w in (await bus.windows("sub_6")).values()}
    assert found == {
        ("production", True, 2): 4,
        ("production", False, 4): 0,
        ("sandbox", False, 2): 0,
        ("production", False, 0): 0,
    }


async def test_torn_and_foreign_records_become_dead_letters(
    metering: MeteringProcess, bus: Bus, kafka_bootstrap: str, topic_prefix: str
) -> None:
    await bus.state(subscription(7, T0))
    run = WorkerRun()
    run.record(*calls(7, 10))
    torn = bytearray(run.slice(0, 5))
    torn[48 + 96 + 20] ^= 1
    await bus.calls(b"foreign", bytes(torn), run.slice(5, 10))
    await bus.total("sub_7", 9)
    dead: list[str] = []
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap, isolation_level="read_committed")
    await consumer.start()
    partition = TopicPartition(f"{topic_prefix}gateway.requests.metering.dead", 0)
    consumer.assign([partition])
    await consumer.seek_to_beginning(partition)

    async def both_dead() -> bool:
        for records in (await consumer.getmany(timeout_ms=100)).values():
            dead.extend(dict(record.headers)["dead_letter_reason"].decode() for record in records)
        return len(dead) == 2

    try:
        await eventually(both_dead, timeout_seconds=30)
    finally:
        await consumer.stop()
    assert dead == ["header: shorter than a header", "1 torn calls of 5"]
    gaps = await query(
        metering.database_url, "select first_sequence from stream_gaps where stream_id = $1", run.stream_id
    )
    assert [row[0] for row in gaps] == [2]
    await bus.calls(run.slice(0, 5))
    await bus.total("sub_7", 10)


async def test_republished_windows_keep_their_revision(metering: MeteringProcess, bus: Bus) -> None:
    await bus.state(subscription(8, T0))
    run = WorkerRun()
    run.record(*calls(8, 5))
    await bus.calls(run.slice(0, 5))
    await bus.total("sub_8", 5)
    before = len([event for _, event in await bus.read() if getattr(event, "subscription_id", "") == "sub_8"])
    (window,) = (await bus.windows("sub_8")).values()
    metering.republish()

    async def repeated() -> bool:
        return len([e for _, e in await bus.read() if getattr(e, "subscription_id", "") == "sub_8"]) > before

    await eventually(repeated, timeout_seconds=30)
    assert list((await bus.windows("sub_8")).values()) == [window]


async def test_a_window_is_published_at_most_every_quarter_second(metering: MeteringProcess, bus: Bus) -> None:
    """While calls keep coming, the window's publications stay apart; the last total is right all the same."""
    await bus.state(subscription(9, T0))
    run = WorkerRun()
    run.record(*calls(9, 300, apart_us=10))
    began = real_now()
    for first in range(0, 300, 5):
        await bus.calls(run.slice(first, first + 5))
    await bus.total("sub_9", 300)
    seconds = (real_now() - began).total_seconds()
    published = [e.revision for _, e in await bus.read() if getattr(e, "subscription_id", "") == "sub_9"]
    assert published == sorted(published)
    assert len(published) <= seconds / 0.25 + 2
