"""A kind and its values become a message with a text and an HTML part."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from portal_api.mail.domain.mail import Mail
from shared.clock import real_now

TEMPLATES = Path(__file__).parent / "templates"


class Composer:
    """`{kind}.txt` begins with the subject and a blank line; `{kind}.html` extends `layout.html`."""

    def __init__(self, sender: str, public_url: str) -> None:
        name, address = parseaddr(sender)
        local, _, domain = address.partition("@")
        if not local or not domain:
            raise ValueError("TOLLWAY_MAIL_FROM must be an address, such as `Tollway <no-reply@example.com>`")
        self._sender = Address(name, local, domain)
        self._public_url = public_url
        loader = FileSystemLoader(TEMPLATES)
        self._texts = Environment(loader=loader, undefined=StrictUndefined, autoescape=False)  # noqa: S701 - text
        self._pages = Environment(loader=loader, undefined=StrictUndefined, autoescape=True)

    def compose(self, mail_id: str, mail: Mail) -> EmailMessage:
        """The same id gives the same Message-ID, so that a repeat can be recognized."""
        # One line each: a name with line breaks must not write into the subject or look like a paragraph of ours.
        given = {name: " ".join(value.split()) for name, value in mail.values.items()}
        values = {"public_url": self._public_url, "host": urlsplit(self._public_url).netloc, **given}
        subject, _, text = self._texts.get_template(f"{mail.kind}.txt").render(values).partition("\n\n")
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = mail.recipient
        message["Subject"] = subject
        message["Date"] = format_datetime(real_now())
        message["Message-ID"] = f"<{mail_id}@{self._sender.domain}>"
        # Out-of-office answers shall not come back (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        page = self._pages.get_template(f"{mail.kind}.html").render(values, subject=subject)
        message.add_alternative(page, subtype="html")
        return message
