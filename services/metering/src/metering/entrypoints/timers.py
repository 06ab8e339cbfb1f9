"""The publisher's loop, and the sweep for calls that were passed over."""

import asyncio
import time

import structlog
from aiokafka.errors import KafkaError, ProducerFenced
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlmodel.ext.asyncio.session import AsyncSession

from metering import metrics
from metering.entrypoints.consumers import StoreFactory
from metering.ports import WindowQueue
from metering.use_cases.apply_subscriptions import release_waiting
from metering.use_cases.publish_windows import Publisher
from shared.db.engine import Sessions

log = structlog.get_logger()

RETRY_SECONDS = 1.0
SWEEP_SECONDS = 1.0
PAUSE_SECONDS = 0.01

_AWAY = (KafkaError, OSError, DBAPIError, InterfaceError, TimeoutError)


class PublisherLoop:
    """Runs rounds: at once after a commit of this process, and at the latest when the publisher asks for it.

    `gather_seconds`: between the beginnings of two rounds at least. Under load a Kafka transaction for each commit
    would cost more than it brings.
    """

    def __init__(self, publisher: Publisher, gather_seconds: float = PAUSE_SECONDS) -> None:
        self._publisher = publisher
        self._gather_seconds = gather_seconds
        self._wakened = asyncio.Event()

    def wake(self) -> None:
        """Windows may have changed, or business time has."""
        self._wakened.set()

    async def run(self) -> None:
        """Until cancelled. Kafka or the database being away delays windows, and loses none."""
        try:
            while True:
                began = time.monotonic()
                try:
                    seconds = await self._publisher.round()
                except ProducerFenced:
                    log.warning("another publisher took over")
                    await self._forget()
                    seconds = RETRY_SECONDS
                except _AWAY as error:
                    metrics.PUBLISH_FAILURES.inc()
                    log.warning("publishing failed, will retry", error=repr(error))
                    await self._forget()
                    await asyncio.sleep(RETRY_SECONDS)
                    seconds = 0.0
                await asyncio.sleep(max(PAUSE_SECONDS, began + self._gather_seconds - time.monotonic()))
                await self._wait(seconds)
        finally:
            await self._stop()

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wakened.wait()
        except TimeoutError:
            return
        finally:
            self._wakened.clear()

    async def _forget(self) -> None:
        try:
            await self._publisher.forget()
        except _AWAY as error:
            log.warning("a connection did not close cleanly", error=repr(error))

    async def _stop(self) -> None:
        try:
            await self._publisher.stop()
        except _AWAY as error:
            log.warning("the publisher did not stop cleanly", error=repr(error))


class Sweep:
    """Counts waiting calls whose subscription has become known elsewhere, and refreshes the gauges."""

    def __init__(self, sessions: Sessions, store_for: StoreFactory, queue: WindowQueue, loop: PublisherLoop) -> None:
        self._sessions = sessions
        self._store_for = store_for
        self._queue = queue
        self._loop = loop

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._queue.observe()
                counted = await self._release()
                if counted:
                    metrics.CALLS.inc(counted)
                    self._loop.wake()
            except (DBAPIError, InterfaceError, OSError, TimeoutError) as error:
                log.warning("sweep failed, will retry", error=repr(error))
            await asyncio.sleep(SWEEP_SECONDS)

    async def _release(self) -> int:
        session: AsyncSession
        async with self._sessions() as session, session.begin():
            return await release_waiting(self._store_for(session))
