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
NUMBERS = (1, 2, 3)
T0 = (real_now() - timedelta(days=1)).replace(second=0, microsecond=0)


async def ship(bus: Bus, run: WorkerRun, partition: int, chance: random.Random, stop: asyncio.Event) -> None:
    """In order, in slices, with overlaps and repeats, and honest claims, until told to stop."""
    while not stop.is_set():
        done = len(run.calls)
        run.record(*(new_call(done + place, chance) for place in range(chance.randint(1, 60))))
        first = max(0, done - chance.choice((0, 0, 0, 25)))
        await bus.calls(run.slice(first, len(run.calls), time_us(len(run.calls))), partition=partition)
        try:
            async with asyncio.timeout(0.02):
                await stop.wait()
        except TimeoutError:
            continue
    await bus.calls(run.close(), partition=partition)


def time_us(place: int) -> int:
    """Ten calls a second, long ago: many minutes pass."""
    return to_us(T0) + place * 100_000


def new_call(place: int, chance: random.Random) -> Call:
    return Call(time_us(place), chance.choice(NUMBERS))


async def kill_repeatedly(metering: MeteringProcess, chance: random.Random, stop: asyncio.Event) -> None:
    """After some more calls each time, so that it falls into the middle of whatever it is doing."""
    for _ in range(ROUNDS):
        goal = await counted(metering) + chance.randint(1, 400)

        async def reached(goal: int = goal) -> bool:
            return await counted(metering) >= goal

        await eventually(reached, timeout_seconds=60, message="metering does not count")
        metering.end(signal.SIGKILL)
        metering.start()
    stop.set()


async def counted(metering: MeteringProcess) -> int:
    exists = await query(metering.database_url, "select to_regclass('usage_totals') is not null")
    if not exists[0][0]:
        return 0
    return int((await query(metering.database_url, "select coalesce(sum(calls), 0) from usage_totals"))[0][0])


async def test_nothing_is_lost_and_nothing_counts_twice(metering: MeteringProcess, bus: Bus) -> None:
    chance, stop = random.Random(11), asyncio.Event()
    runs = [WorkerRun() for _ in range(3)]
    # As at the gateway: a stream is known before it has a call.
    for partition, run in enumerate(runs):
        await bus.calls(run.heartbeat(time_us(0)), partition=partition)
    for number in NUMBERS[:2]:
        await bus.state(subscription(number, T0 - timedelta(days=1)))
    async with asyncio.TaskGroup() as group:
        for partition, run in enumerate(runs):
            group.create_task(ship(bus, run, partition, chance, stop))
        group.create_task(kill_repeatedly(metering, chance, stop))
    # Until now its calls waited.
    await bus.state(subscription(3, T0 - timedelta(days=1)))
    for number in NUMBERS:
        expected = sum(call.subscription == number for run in runs for call in run.calls)
        await bus.total(f"sub_{number}", expected)
    assert await counted(metering) == sum(len(run.calls) for run in runs)
    end = max(run.calls[-1].time_us for run in runs)

    async def complete() -> bool:
        return await bus.complete_until() > from_us(end)

    await eventually(complete, timeout_seconds=30)
    assert_honest(await bus.read())


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
