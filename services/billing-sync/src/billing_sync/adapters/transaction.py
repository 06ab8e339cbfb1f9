"""One database transaction with all stores, the outbox and the queue of jobs; and the queue itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from billing_sync.adapters.entity_store import EntityStore
from billing_sync.adapters.invoice_store import InvoiceStore
from billing_sync.adapters.ledger_store import LedgerStore
from billing_sync.ports import Job
from shared.clock import real_now
from shared.db.engine import Sessions
from shared.events.billing import BillingEvent
from shared.events.topics import BILLING_EVENTS
from shared.messaging.outbox import Outbox

_REQUESTED = "jobs.requested"  # in a session's `info`
LEASE_SECONDS = 15.0  # renewed while a step runs: a killed worker keeps its jobs from the next no longer than this

_REQUEST = text(
    "insert into jobs(kind, key, due_at, not_before) values (:kind, :key, :due, :due) on conflict (kind, key) do update"
    " set wanted = jobs.wanted + 1,"
    " due_at = least(coalesce(jobs.due_at, 'infinity'), greatest(excluded.due_at, jobs.not_before)),"
    " attempts = case when jobs.due_at is null then 0 else jobs.attempts end"
)
_CLAIM = text(
    "update jobs j set holder = :holder, lease_until = :until, attempts = j.attempts + 1 from ("
    " select kind, key from jobs where due_at <= :now and (lease_until is null or lease_until < :now)"
    " order by due_at limit :limit for update skip locked) c"
    " where j.kind = c.kind and j.key = c.key returning j.kind, j.key, j.wanted, j.attempts"
)
_RENEW = text("update jobs set lease_until = :until where holder = any(cast(:holders as text[]))")
# Key share: stops `_CLAIM` (for update), not `_REQUEST` (no key update), so that handlers never deadlock with jobs.
_FENCE = text("select 1 from jobs where kind = :kind and key = :key and holder = :holder for key share")
_FINISH = text(
    "update jobs set holder = null, lease_until = null, last_error = :error,"
    " attempts = case when cast(:failed as boolean) then attempts else 0 end, not_before = :not_before,"
    " due_at = case when cast(:again as timestamptz) is not null then cast(:again as timestamptz)"
    " when wanted <> :wanted then :not_before else null end"
    " where kind = :kind and key = :key and holder = :holder"
)
_IS_DONE = text(
    "select not exists (select 1 from jobs where kind = :kind and key = :key"
    " and (due_at is not null or holder is not null or last_error is not null))"
)


class LeaseLost(Exception):
    """Another worker has the job now: whatever this one was about to store is void."""


class Transaction(EntityStore, LedgerStore, InvoiceStore):
    """Tx of the ports."""

    def __init__(self, session: AsyncSession, outbox: Outbox) -> None:
        super().__init__(session)
        self._outbox = outbox

    async def publish(self, key: str, event: BillingEvent) -> None:
        """To `billing.events`, if and when the transaction commits."""
        await self._outbox.publish(self.session, BILLING_EVENTS, key, event)

    async def request(self, kind: str, key: str, *, after_seconds: float = 0.0) -> None:
        """Ask for a job; one that runs now runs once more."""
        self.session.info[_REQUESTED] = True
        due = real_now() + timedelta(seconds=after_seconds)
        await self.run(_REQUEST, {"kind": kind, "key": key, "due": due})

    async def is_done(self, kind: str, key: str) -> bool:
        """Nothing is left to do of a job: it neither waits, nor runs, nor failed."""
        return bool((await self.run(_IS_DONE, {"kind": kind, "key": key})).scalar_one())


class PostgresWork:
    """Work of the ports; wakes the worker and the outbox relay after a commit that has something for them."""

    def __init__(self, sessions: Sessions, outbox: Outbox) -> None:
        self._sessions = sessions
        self._outbox = outbox
        self._wakened = asyncio.Event()

    @asynccontextmanager
    async def transaction(self, job: Job | None = None) -> AsyncIterator[Transaction]:
        """Commit at the end, roll back on an error. A job's lease is locked first."""
        async with self._sessions() as session, session.begin():
            transaction = Transaction(session, self._outbox)
            if job is not None:
                fence = await transaction.run(_FENCE, {"kind": job.kind, "key": job.key, "holder": job.holder})
                if fence.first() is None:
                    raise LeaseLost(f"{job.kind} {job.key}")
            yield transaction
        self._outbox.wake(session)
        self.committed(session)

    def inside(self, session: AsyncSession) -> Transaction:
        """The stores of a Kafka handler's transaction."""
        return Transaction(session, self._outbox)

    def committed(self, session: AsyncSession) -> None:
        """Its transaction may have requested jobs."""
        if session.info.pop(_REQUESTED, False):
            self.wake()

    def wake(self) -> None:
        """There may be jobs that the worker can begin."""
        self._wakened.set()

    async def wait(self, seconds: float) -> None:
        """Until woken, or until then."""
        try:
            async with asyncio.timeout(seconds):
                await self._wakened.wait()
        except TimeoutError:
            return
        finally:
            self._wakened.clear()

    async def claim(self, holder: str, limit: int) -> list[Job]:
        """Lease due jobs."""
        now = real_now()
        async with self._sessions() as session, session.begin():
            rows = await Transaction(session, self._outbox).run(
                _CLAIM,
                {"holder": holder, "until": now + timedelta(seconds=LEASE_SECONDS), "now": now, "limit": limit},
            )
            return [Job(row.kind, row.key, holder, row.wanted, row.attempts) for row in rows]

    async def renew(self, holders: list[str]) -> None:
        """Keep the leases of jobs that still run."""
        until = real_now() + timedelta(seconds=LEASE_SECONDS)
        async with self._sessions() as session, session.begin():
            await Transaction(session, self._outbox).run(_RENEW, {"holders": holders, "until": until})

    async def finish(
        self, job: Job, *, again_seconds: float | None, error: str | None, pause_seconds: float = 0.0
    ) -> None:
        """Give a job back; with `error` its attempts count on. `pause_seconds`: not again before, if requested."""
        now = real_now()
        again = None if again_seconds is None else now + timedelta(seconds=again_seconds)
        async with self._sessions() as session, session.begin():
            await Transaction(session, self._outbox).run(
                _FINISH,
                {
                    "kind": job.kind,
                    "key": job.key,
                    "holder": job.holder,
                    "wanted": job.wanted,
                    "again": again,
                    "error": error[:1000] if error else None,
                    "failed": error is not None,
                    "not_before": now + timedelta(seconds=pause_seconds),
                },
            )

    async def seconds_to_next(self) -> float:
        """Until the next job is due; at most half a second, the safety net's poll."""
        async with self._sessions() as session, session.begin():
            rows = await Transaction(session, self._outbox).run(
                text("select min(due_at) from jobs where lease_until is null"), {}
            )
            due = rows.scalar()
        return 0.5 if due is None else min(max((due - real_now()).total_seconds(), 0.005), 0.5)
