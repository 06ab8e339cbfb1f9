"""What `complete_until` promises, and what holds it back."""

from datetime import timedelta

from tests.support.call_batches import Call, WorkerRun
from tests.support.eventually import eventually
from tests.support.metering_process import Bus, subscription

from shared.clock import from_us, real_now, to_us

T0 = real_now() - timedelta(hours=1)


def us(seconds: float) -> int:
    return to_us(T0) + int(seconds * 1_000_000)


async def reaches(bus: Bus, until_us: int) -> None:
    async def reached() -> bool:
        return await bus.complete_until() >= from_us(until_us)

    await eventually(reached, timeout_seconds=30, message=f"complete_until did not reach {from_us(until_us)}")


async def stays_below(bus: Bus, until_us: int, proof: WorkerRun) -> None:
    """Something sent now and published means that metering has had its chance to say more."""
    count = len(proof.calls)
    proof.record(Call(us(0), 1))
    await bus.calls(proof.slice(count, count + 1, us(3_000)), partition=5)
    await bus.total("sub_1", count + 1)
    assert await bus.complete_until() < from_us(until_us)


async def test_the_minimum_of_the_streams_with_their_gaps_and_waiting_calls(bus: Bus, metering: object) -> None:
    """One conversation, because what is said is about all streams at once."""
    await bus.state(subscription(1, T0))
    fast, slow, proof = WorkerRun(), WorkerRun(), WorkerRun()
    await bus.calls(slow.heartbeat(us(10)), partition=2)
    await bus.calls(fast.heartbeat(us(60)), partition=1)
    await reaches(bus, us(10))
    await stays_below(bus, us(10) + 1, proof)

    await bus.calls(slow.heartbeat(us(50)), partition=2)
    await reaches(bus, us(50))

    # A gap: what was skipped may be as early as what was claimed before.
    slow.record(*(Call(us(51), 2) for _ in range(4)))
    await bus.calls(slow.slice(2, 4, us(70)), partition=2)
    await bus.calls(fast.heartbeat(us(90)), partition=1)
    await stays_below(bus, us(50) + 1, proof)

    # The gap is filled, but the calls wait for their subscription.
    await bus.calls(slow.slice(0, 2, us(50)), partition=2)
    await stays_below(bus, us(51), proof)
    await bus.state(subscription(2, T0))
    await reaches(bus, us(70))
    await bus.total("sub_2", 4)

    # Closed streams hold nothing back: without any, it is complete until now.
    await bus.calls(slow.close(), partition=2)
    await reaches(bus, us(90))
    now_us = to_us(real_now())
    await bus.calls(fast.close(), partition=1)
    await bus.calls(proof.close(), partition=5)
    await reaches(bus, now_us)
