"""kill -9 while calls flow: nothing lost, nothing twice, and completeness never said too early."""

import asyncio
import random
import signal
from datetime import timedelta

from tests.support.call_batches import Call, WorkerRun
from tests.support.eventually import eventually
from tests.support.metering_process import Bus, MeteringProcess, identity, query, subscription

from shared.clock import from_us, real_now, to_us
from shared.events.usage import UsageComplete, UsageWindow

ROUNDS = 3
CALLS_PER_RUN = 6_000
NUMBERS = (1, 2, 3)
T0 = (real_now() - timedelta(hours=3)).replace(second=0, microsecond=0)


async def ship(bus: Bus, run: WorkerRun, partition: int, chance: random.Random) -> None:
    """In order, in slices, with overlaps and repeats, and honest claims; a late subscription makes calls wait."""
    done = 0
    while done < CALLS_PER_RUN:
        first = max(0, done - chance.choice((0, 0, 0, 25)))
        end = min(done + chance.randint(1, 60), CALLS_PER_RUN)
        until = run.calls[end].time_us if end < CALLS_PER_RUN else run.calls[-1].time_us + 1
        await bus.calls(run.slice(first, end, until), partition=partition)
        done = end
        await asyncio.sleep(0.02)
    await bus.calls(run.close(), partition=partition)


async def kill_repeatedly(metering: MeteringProcess, chance: random.Random) -> None:
    """At moments that depend on how far it got, so that some fall into the middle of a transaction."""
    for _ in range(ROUNDS):
        before = await counted(metering)

        async def moved(before: int = before) -> bool:
            return await counted(metering) > before

        await eventually(moved, timeout_seconds=60, message="metering does not count")
        await asyncio.sleep(chance.random() * 0.3)
        metering.end(signal.SIGKILL)
        metering.start()


async def counted(metering: MeteringProcess) -> int:
    exists = await query(metering.database_url, "select to_regclass('usage_totals') is not null")
    if not exists[0][0]:
        return 0
    return int((await query(metering.database_url, "select coalesce(sum(calls), 0) from usage_totals"))[0][0])


async def test_nothing_is_lost_and_nothing_counts_twice(metering: MeteringProcess, bus: Bus) -> None:
    chance = random.Random(11)
    runs = [WorkerRun() for _ in range(3)]
    for run in runs:
        run.record(*(Call(to_us(T0) + place * 100_000, chance.choice(NUMBERS)) for place in range(CALLS_PER_RUN)))
        await bus.calls(run.heartbeat(0)[:40] + bytes(8), partition=runs.index(run))
    for number in NUMBERS[:2]:
        await bus.state(subscription(number, T0 - timedelta(days=1)))
    async with asyncio.TaskGroup() as group:
        for partition, run in enumerate(runs):
            group.create_task(ship(bus, run, partition, chance))
        group.create_task(kill_repeatedly(metering, chance))
    await bus.state(subscription(3, T0 - timedelta(days=1)))
    for number in NUMBERS:
        expected = sum(call.subscription == number for run in runs for call in run.calls)
        await bus.total(f"sub_{number}", expected)
    assert await counted(metering) == CALLS_PER_RUN * len(runs)
    end = runs[0].calls[-1].time_us

    async def complete() -> bool:
        return await bus.complete_until() > from_us(end)

    await eventually(complete, timeout_seconds=30)
    assert_honest([event for event in await bus.read()])


def assert_honest(events: list[tuple[int, UsageWindow | UsageComplete]]) -> None:
    """Behind every `complete_until`, the windows that end before it already have their last total."""
    final: dict[object, UsageWindow] = {}
    for _, event in events:
        if isinstance(event, UsageWindow):
            final[identity(event)] = max(event, final.get(identity(event), event), key=lambda w: w.revision)
    said = 0
    for partition in range(8):
        seen: dict[object, int] = {}
        mine = {
            key: window
            for key, window in final.items()
            if any(p == partition and isinstance(e, UsageWindow) and identity(e) == key for p, e in events)
        }
        for place, event in events:
            if place != partition:
                continue
            if isinstance(event, UsageWindow):
                seen[identity(event)] = max(event.calls, seen.get(identity(event), 0))
                continue
            said += 1
            for key, window in mine.items():
                if window.window_start + timedelta(minutes=1) <= event.complete_until:
                    assert seen.get(key) == window.calls, f"{key} was not complete at {event.complete_until}"
    assert said > 8
