"""Time: each tick is one bounded transaction; ticks follow at once while there is more to do."""

import asyncio
from collections.abc import Callable

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.clock import Clock, real_now
from shared.db.unit_of_work import UnitOfWork
from subscriptions import metrics
from subscriptions.domain.subscription import At
from subscriptions.ports import Store
from subscriptions.use_cases.let_time_pass import let_time_pass

log = structlog.get_logger()

RETRY_SECONDS = 1.0


class Timers:
    """Several replicas may run it: each skips the rows that another works on."""

    def __init__(
        self, unit_of_work: UnitOfWork, stores: Callable[[AsyncSession], Store], clock: Clock, tick_ms: int
    ) -> None:
        self._unit_of_work = unit_of_work
        self._stores = stores
        self._clock = clock
        self._tick_seconds = tick_ms / 1000
        self._moved = asyncio.Event()

    def clock_moved(self) -> None:
        """The sandbox's business clock leapt: look at once."""
        self._moved.set()

    async def run(self) -> None:
        """Until cancelled. The database being away delays what is due, and loses nothing."""
        while True:
            try:
                if await self.tick():
                    continue
            except (DBAPIError, InterfaceError, OSError, TimeoutError) as error:
                metrics.TIMER_FAILURES.inc()
                log.warning("a tick failed, will retry", error=repr(error))
                await asyncio.sleep(RETRY_SECONDS)
                continue
            await self._wait()

    async def tick(self) -> bool:
        """True when there may be more."""
        async with self._unit_of_work.transaction() as session:
            return await let_time_pass(self._stores(session), At(business=self._clock.now(), real=real_now()))

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._tick_seconds):
                await self._moved.wait()
        except TimeoutError:
            return
        self._moved.clear()
