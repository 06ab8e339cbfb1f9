"""A mail as a kind with values, and how long it is worth trying to deliver it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

Kind = Literal[
    "verify_email",
    "change_email",
    "reset_password",
    "no_account",
    "password_changed",
    "email_changed",
    "sign_in_linked",
    "invitation",
]
Status = Literal["pending", "sent", "failed", "expired"]

# Waits after the first, second, ... failed attempt: about a day and a half in all.
WAITS = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=8),
    timedelta(hours=24),
)
# How long a sender that has claimed a mail may take; after that another one tries.
CLAIM = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """To whom and what. `values` may hold a secret link: they rest sealed, and are forgotten once the mail is sent."""

    kind: Kind
    recipient: str
    values: Mapping[str, str] = field(repr=False)
    valid_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedMail:
    """A mail that a sender has claimed. `attempts` counts this one."""

    id: str
    mail: Mail
    attempts: int


def next_attempt_at(attempts: int, now: datetime) -> datetime | None:
    """When to try again after so many failed attempts; None: give up."""
    return now + WAITS[attempts - 1] if attempts <= len(WAITS) else None
