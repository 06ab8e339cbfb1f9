"""Closing Kafka clients, in whatever state they are.

aiokafka 0.14 lets a cancellation of its own escape from `AIOKafkaConsumer.stop()` while Kafka is away (`Fetcher.close`
awaits the fetch that it has just cancelled in its back-off). A task that awaits `stop()` itself ends there, as if
somebody had cancelled it, and a task group does not notice: a table would stand still for good.
"""

import asyncio
from contextlib import suppress

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

log = structlog.get_logger()

CLOSE_SECONDS = 5.0


async def close(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    """Stop it, in bounded time. Raises nothing but the caller's own cancellation."""
    stopping = asyncio.get_running_loop().create_task(client.stop())
    await asyncio.wait({stopping}, timeout=CLOSE_SECONDS)
    if not stopping.done():
        stopping.cancel()
        await asyncio.wait({stopping}, timeout=CLOSE_SECONDS)
    if not stopping.done() or stopping.cancelled() or stopping.exception() is not None:
        reason = "in time" if not stopping.done() or stopping.cancelled() else repr(stopping.exception())
        log.warning("a Kafka client did not stop cleanly", client=type(client).__name__, reason=reason)
        await _abandon(client)


async def _abandon(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    """End what `stop` left running: fetches and connections."""
    if isinstance(client, AIOKafkaConsumer):
        connections = client._client
        for fetch in getattr(client._fetcher, "_pending_tasks", ()):
            fetch.cancel()
    else:
        connections = client.client
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await connections.close()
