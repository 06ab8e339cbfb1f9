"""The mails received, newest last, and the SMTP server that receives them."""

import email
import email.policy
import itertools
import re
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

KEPT = 1000
MAX_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """One mail, as far as the page shows it."""

    number: int
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    html: str
    message_id: str

    def as_json(self) -> dict[str, object]:
        """For programs; `links` are the addresses in its text."""
        return {
            "number": self.number,
            "received_at": self.received_at.isoformat(),
            "from": self.sender,
            "to": list(self.recipients),
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "message_id": self.message_id,
            "links": self.links,
        }

    @property
    def links(self) -> list[str]:
        """Addresses in the text."""
        return re.findall(r"https?://\S+", self.text)


@dataclass
class Mailbox:
    """Everything received. `refused` maps recipients to the SMTP code that they answer with."""

    mails: deque[ReceivedMail] = field(default_factory=lambda: deque(maxlen=KEPT))
    refused: dict[str, int] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def keep(self, sender: str, recipients: list[str], content: bytes) -> ReceivedMail:
        """A mail as it came over the wire."""
        message = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        mail = ReceivedMail(
            number=next(self._numbers),
            received_at=datetime.now(UTC),  # noqa: TID251 - when it arrived, on this machine
            sender=str(message["From"] or sender),
            recipients=tuple(recipients),
            subject=str(message["Subject"] or ""),
            text=_part(message, "plain"),
            html=_part(message, "html"),
            message_id=str(message["Message-ID"] or ""),
        )
        self.mails.append(mail)
        return mail

    def newest(self, to: str | None = None) -> list[ReceivedMail]:
        """Newest first; of one recipient, if given."""
        wanted = to.lower() if to else None
        return [m for m in reversed(self.mails) if wanted is None or wanted in (r.lower() for r in m.recipients)]


class Receiver:
    """aiosmtpd's handler."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[Any]
    ) -> str:
        """A recipient."""
        if code := self._mailbox.refused.get(address.lower()):
            return f"{code} The sandbox was told to refuse this recipient"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """A mail."""
        content = envelope.content
        self._mailbox.keep(
            envelope.mail_from or "", list(envelope.rcpt_tos), content if isinstance(content, bytes) else b""
        )
        return "250 Kept"


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""


def smtp_protocol(mailbox: Mailbox) -> SMTP:
    """One connection."""
    return SMTP(Receiver(mailbox), data_size_limit=MAX_BYTES, hostname="mailbox.sandbox", ident="Tollway sandbox")
