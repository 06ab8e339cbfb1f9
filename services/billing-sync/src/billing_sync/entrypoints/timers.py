"""The worker: claims due jobs, performs one step of each, gives them back. Several replicas share the queue."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError

from billing_sync.domain.stripe_facts import Permanent, Retryable
from billing_sync.metrics import JOB_FAILURES, JOBS_DUE, JOBS_PARKED
from billing_sync.ports import Deps, Job
from billing_sync.use_cases import (
    apply_stripe_state,
    close_subscription,
    connect_stripe,
    open_billing_portal,
    open_checkout,
    reconcile,
    renew_period,
    report_usage,
)
from billing_sync.use_cases.outcome import Outcome
from shared.ids import new_id

log = structlog.get_logger()

Performer = Callable[[Deps, Job], Awaitable[Outcome]]

PERFORMERS: Mapping[str, Performer] = {
    "connect": connect_stripe.connect_stripe,
    "checkout": open_checkout.open_checkout,
    "billing_portal": open_billing_portal.open_billing_portal,
    "withdraw": open_checkout.withdraw_checkout,
    "session": apply_stripe_state.look_at_session,
    "stripe_subscription": apply_stripe_state.look_at_stripe_subscription,
    "invoice": apply_stripe_state.look_at_invoice,
    "refresh": apply_stripe_state.refresh_subscription,
    "scheduled_end": apply_stripe_state.schedule_end,
    "push": report_usage.push_usage,
    "renewal": renew_period.renew_period,
    "close": close_subscription.close_subscription,
    "reconcile": reconcile.reconcile_subscription,
}

PATIENT = frozenset({"close", "renewal", "push", "withdraw"})
STEP_SECONDS = 120.0
RENEW_SECONDS = 4.0  # several times within a lease
MAX_DELAY_SECONDS = 60.0
MAX_ATTEMPTS = 60  # about an hour of failures; then parked, until something or the reconciliation asks again
SWEEP_SECONDS = 2.0


class Queue(Protocol):
    """The durable queue of jobs."""

    async def claim(self, holder: str, limit: int) -> list[Job]: ...
    async def renew(self, holders: list[str]) -> None: ...
    async def finish(
        self, job: Job, *, again_seconds: float | None, error: str | None, pause_seconds: float = 0.0
    ) -> None: ...
    async def seconds_to_next(self) -> float: ...
    async def wait(self, seconds: float) -> None: ...
    def wake(self) -> None: ...


class Worker:
    """Runs until cancelled; the database being away delays it, and loses nothing."""

    def __init__(self, deps: Deps, queue: Queue, *, concurrency: int) -> None:
        self._deps = deps
        self._queue = queue
        self._concurrency = concurrency
        self._running = 0
        self._holders: dict[Job, str] = {}

    async def run(self) -> None:
        """Claim and perform, with at most `concurrency` jobs at once."""
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    room = self._concurrency - self._running
                    jobs = await self._queue.claim(new_id("worker"), room) if room else []
                    JOBS_DUE.set(len(jobs))
                    for job in jobs:
                        self._running += 1
                        self._holders[job] = job.holder
                        group.create_task(self._perform(job))
                    if not jobs:
                        await self._queue.wait(await self._queue.seconds_to_next() if room else 0.5)
                except (DBAPIError, InterfaceError, OSError, TimeoutError) as error:
                    log.warning("worker cannot reach its database, will retry", error=repr(error))
                    await asyncio.sleep(1)

    async def keep_leases(self) -> None:
        """Leases are short so that a killed worker's jobs go on soon; a job that runs on keeps its own."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            if not self._holders:
                continue
            try:
                await self._queue.renew(sorted(set(self._holders.values())))
            except (DBAPIError, InterfaceError, OSError, TimeoutError) as error:
                log.warning("leases not renewed, will retry", error=repr(error))

    async def sweep(self) -> None:
        """The safety net for lost webhooks."""
        while True:
            try:
                await reconcile.find_stale(self._deps)
            except (DBAPIError, InterfaceError, OSError, TimeoutError) as error:
                log.warning("sweep failed, will retry", error=repr(error))
            await asyncio.sleep(SWEEP_SECONDS)

    async def _perform(self, job: Job) -> None:
        again: float | None = None
        error: str | None = None
        try:
            async with asyncio.timeout(STEP_SECONDS):
                outcome = await PERFORMERS[job.kind](self._deps, job)
            again = outcome.again_seconds
        except Retryable as failure:
            error = str(failure)
            again = failure.after_seconds or _delay(job.attempts)
        except Permanent as failure:
            error = failure.message
            # Money is not given up at one refusal: a key may be mended, a state may have been in between.
            again = _delay(job.attempts) if job.kind in PATIENT else None
            log.error("Stripe refuses a job's step", job=job.kind, key=job.key, reason=failure.message)
        except Exception as failure:
            error = repr(failure)
            again = _delay(job.attempts)
            log.exception("a job's step failed", job=job.kind, key=job.key)
        if error is not None:
            JOB_FAILURES.labels(job.kind).inc()
            if again is None or job.attempts >= MAX_ATTEMPTS:
                JOBS_PARKED.labels(job.kind).inc()
                again = None
        await self._give_back(job, again, error)

    async def _give_back(self, job: Job, again: float | None, error: str | None) -> None:
        pause = self._deps.options.push_interval_seconds if job.kind == "push" else 0.0
        try:
            await self._queue.finish(job, again_seconds=again, error=error, pause_seconds=pause)
        except (DBAPIError, InterfaceError, OSError, TimeoutError) as failure:
            log.warning("a job was not given back; its lease will run out", job=job.kind, error=repr(failure))
        finally:
            self._running -= 1
            self._holders.pop(job, None)
            self._queue.wake()


def _delay(attempts: int) -> float:
    """0.2 s doubling up to a minute, with jitter: a fleet must not come back in step."""
    longest: float = min(0.2 * 2.0 ** min(attempts - 1, 12), MAX_DELAY_SECONDS)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311
