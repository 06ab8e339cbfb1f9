"""Parts of a service that end by a cancellation that nobody asked for."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer

from shared.messaging.closing import close
from shared.service import PartEnded, run_part


class StoppedConsumer(AIOKafkaConsumer):
    """Stops as aiokafka's consumer does while Kafka is away: awaits a task that it has cancelled."""

    def __init__(self) -> None:
        self._closed = True
        self._fetcher = None
        self.connections_closed = False
        self._client = self

    async def stop(self) -> None:
        fetch = asyncio.create_task(asyncio.Event().wait())
        await asyncio.sleep(0)
        fetch.cancel()
        await fetch

    async def close(self) -> None:
        self.connections_closed = True

    def __del__(self) -> None:
        """Was never started."""


async def test_a_cancellation_of_the_clients_own_does_not_end_who_closes_it() -> None:
    consumer = StoppedConsumer()
    await close(consumer)
    assert consumer.connections_closed


async def test_a_part_that_cancels_itself_ends_the_service() -> None:
    async def part() -> None:
        await StoppedConsumer().stop()

    with pytest.raises(PartEnded):
        await run_part(part)


async def test_a_part_that_is_cancelled_is_cancelled() -> None:
    started = asyncio.Event()

    async def part() -> None:
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(run_part(part))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
