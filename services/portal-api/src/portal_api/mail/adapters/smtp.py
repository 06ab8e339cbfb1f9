"""SMTP by aiosmtplib."""

from dataclasses import dataclass
from typing import Literal

import aiosmtplib

from portal_api.mail.adapters.composer import Composer
from portal_api.mail.domain.mail import Mail
from portal_api.mail.ports import TransportAway, Undeliverable

TIMEOUT_SECONDS = 20
PERMANENT = range(500, 600)


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where, how and as whom."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"]
    username: str = ""
    password: str = ""


class SmtpTransport:
    """The port `Transport`. A connection per mail: mails are rare, and idle connections are closed by servers."""

    def __init__(self, server: SmtpServer, composer: Composer) -> None:
        self._server = server
        self._composer = composer

    async def send(self, mail_id: str, mail: Mail) -> None:
        """Returns when the server has taken it over."""
        message = self._composer.compose(mail_id, mail)
        server = self._server
        try:
            await aiosmtplib.send(
                message,
                hostname=server.host,
                port=server.port,
                use_tls=server.security == "tls",
                start_tls=server.security == "starttls",
                username=server.username or None,
                password=server.password or None,
                timeout=TIMEOUT_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            refusal = error.recipients[0]
            if refusal.code in PERMANENT:
                raise Undeliverable(f"{refusal.code} {refusal.message}") from error
            raise TransportAway(f"{refusal.code} {refusal.message}") from error
        except aiosmtplib.SMTPAuthenticationError as error:
            # Wrong settings, not a wrong mail: it waits until they are right.
            raise TransportAway(f"signing in to the mail server failed: {error.code} {error.message}") from error
        except aiosmtplib.SMTPDataError as error:
            if error.code in PERMANENT:
                raise Undeliverable(f"{error.code} {error.message}") from error
            raise TransportAway(f"{error.code} {error.message}") from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise TransportAway(repr(error)) from error


class NoTransport:
    """The port `Transport` of an installation without a mail server: mails wait for one to be set."""

    async def send(self, mail_id: str, mail: Mail) -> None:
        """Never."""
        raise TransportAway("no mail server is set (TOLLWAY_SMTP_HOST)")
