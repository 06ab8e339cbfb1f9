"""Links in mails: a secret that proves who reads a mailbox, once and for a while."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Purpose = Literal["verify_email", "change_email", "reset_password"]

LIFE: dict[Purpose, timedelta] = {
    "verify_email": timedelta(days=3),
    "change_email": timedelta(hours=24),
    "reset_password": timedelta(hours=1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeToken:
    """Only the hash of the secret is kept. `email` is the address that it proves."""

    token_sha256: str
    purpose: Purpose
    user_id: str
    email: str
    created_at: datetime
    expires_at: datetime
