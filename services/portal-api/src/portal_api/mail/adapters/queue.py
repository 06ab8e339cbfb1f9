"""Mails in PostgreSQL: several senders share the work, and none sends what another has claimed."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from nacl.secret import SecretBox
from sqlalchemy import delete, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.mail.adapters.tables import MailRow
from portal_api.mail.domain.mail import CLAIM, Kind, Mail, QueuedMail, Status

# Long enough to answer "was it sent?", without its contents.
KEPT = timedelta(days=30)
MAX_ERROR_CHARACTERS = 500


class PostgresMailQueue:
    """The port `MailQueue`."""

    def __init__(self, encryption_key: bytes) -> None:
        self._box = SecretBox(hashlib.blake2b(encryption_key, digest_size=32, person=b"tollway-mail").digest())

    async def add(self, session: AsyncSession, mail_id: str, mail: Mail, now: datetime) -> None:
        """Due at once."""
        session.add(
            MailRow(
                id=mail_id,
                kind=mail.kind,
                recipient=mail.recipient,
                sealed=bytes(self._box.encrypt(json.dumps(dict(mail.values)).encode())),
                status="pending",
                attempts=0,
                next_attempt_at=now,
                created_at=now,
                valid_until=mail.valid_until,
            )
        )
        await session.flush()

    async def claim(self, session: AsyncSession, now: datetime, *, limit: int) -> Sequence[QueuedMail]:
        """`skip locked`: senders do not wait for one another."""
        due = (
            select(MailRow)
            .where(MailRow.status == "pending", MailRow.next_attempt_at <= now)
            .order_by(col(MailRow.next_attempt_at))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        claimed = []
        for row in (await session.exec(due)).all():
            if row.valid_until <= now:
                _finish(row, "expired", now)
                continue
            row.attempts += 1
            row.next_attempt_at = now + CLAIM
            claimed.append(self._opened(row))
        return claimed

    async def finish(
        self, session: AsyncSession, mail_id: str, status: Status, now: datetime, *, error: str | None = None
    ) -> None:
        """Its contents go; old mails go altogether."""
        row = await session.get(MailRow, mail_id)
        if row is not None:
            _finish(row, status, now, error)
            await session.flush()
        await session.execute(delete(MailRow).where(col(MailRow.finished_at) < now - KEPT))

    async def postpone(self, session: AsyncSession, mail_id: str, at: datetime, error: str) -> None:
        """Try again at `at`."""
        values = {"next_attempt_at": at, "last_error": error[:MAX_ERROR_CHARACTERS]}
        await session.execute(update(MailRow).where(col(MailRow.id) == mail_id).values(**values))

    def _opened(self, row: MailRow) -> QueuedMail:
        values = json.loads(self._box.decrypt(row.sealed or b""))
        mail = Mail(kind=cast(Kind, row.kind), recipient=row.recipient, values=values, valid_until=row.valid_until)
        return QueuedMail(id=row.id, mail=mail, attempts=row.attempts)


def _finish(row: MailRow, status: Status, now: datetime, error: str | None = None) -> None:
    row.status, row.finished_at, row.sealed = status, now, None
    if error is not None:
        row.last_error = error[:MAX_ERROR_CHARACTERS]
