"""What mail's use cases need from outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.mail.domain.mail import Mail, QueuedMail, Status


class Undeliverable(Exception):
    """The mail server refused this mail for good, in its own words."""


class TransportAway(Exception):
    """The mail server cannot be reached, or says: later."""


class MailQueue(Protocol):
    """Mails on their way."""

    async def add(self, session: AsyncSession, mail_id: str, mail: Mail, now: datetime) -> None:
        """Due at once."""
        ...

    async def claim(self, session: AsyncSession, now: datetime, *, limit: int) -> Sequence[QueuedMail]:
        """Take due mails for a while, counting the attempt; those that are no longer worth it become expired."""
        ...

    async def finish(
        self, session: AsyncSession, mail_id: str, status: Status, now: datetime, *, error: str | None = None
    ) -> None:
        """It is over; its contents are forgotten."""
        ...

    async def postpone(self, session: AsyncSession, mail_id: str, at: datetime, error: str) -> None:
        """Try again at `at`."""
        ...


class Transport(Protocol):
    """A mail server."""

    async def send(self, mail_id: str, mail: Mail) -> None:
        """Returns when the server has taken it over. Raises Undeliverable or TransportAway."""
        ...
