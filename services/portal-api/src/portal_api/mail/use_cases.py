"""Post in the caller's transaction; deliver afterwards. Time is real time."""

import asyncio
from dataclasses import dataclass

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api import metrics
from portal_api.mail.domain.mail import Mail, QueuedMail, next_attempt_at
from portal_api.mail.ports import MailQueue, Transport, TransportAway, Undeliverable
from shared.clock import real_now
from shared.db.unit_of_work import UnitOfWork
from shared.ids import new_id

log = structlog.get_logger()

BATCH = 5


@dataclass(frozen=True, slots=True)
class Mailer:
    """What other features post with."""

    queue: MailQueue

    async def post(self, session: AsyncSession, mail: Mail) -> None:
        """Sent if and when the transaction commits."""
        await self.queue.add(session, new_id("mail"), mail, real_now())


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Sends what is due. At least once: a crash between the server's yes and our commit repeats a mail, with the
    same Message-ID."""

    queue: MailQueue
    transport: Transport
    uow: UnitOfWork

    async def deliver_due(self) -> int:
        """One round; how many mails were tried."""
        async with self.uow.transaction() as session:
            due = await self.queue.claim(session, real_now(), limit=BATCH)
        async with asyncio.TaskGroup() as group:
            for queued in due:
                group.create_task(self._deliver(queued))
        return len(due)

    async def _deliver(self, queued: QueuedMail) -> None:
        kind = queued.mail.kind
        try:
            await self.transport.send(queued.id, queued.mail)
        except Undeliverable as refusal:
            await self._give_up(queued, str(refusal))
        except TransportAway as away:
            at = next_attempt_at(queued.attempts, real_now())
            if at is None or at > queued.mail.valid_until:
                await self._give_up(queued, str(away))
                return
            metrics.MAILS.labels(kind, "postponed").inc()
            log.warning("mail postponed", mail=queued.id, kind=kind, attempts=queued.attempts, reason=str(away))
            async with self.uow.transaction() as session:
                await self.queue.postpone(session, queued.id, at, str(away))
        else:
            metrics.MAILS.labels(kind, "sent").inc()
            async with self.uow.transaction() as session:
                await self.queue.finish(session, queued.id, "sent", real_now())

    async def _give_up(self, queued: QueuedMail, reason: str) -> None:
        metrics.MAILS.labels(queued.mail.kind, "failed").inc()
        log.error("mail given up", mail=queued.id, kind=queued.mail.kind, attempts=queued.attempts, reason=reason)
        async with self.uow.transaction() as session:
            await self.queue.finish(session, queued.id, "failed", real_now(), error=reason)
