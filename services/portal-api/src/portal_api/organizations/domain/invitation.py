"""Invitations: to whom, as what, until when."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from portal_api.identity.domain.access import Role

LIFE = timedelta(days=7)
MAX_PENDING = 200

Status = Literal["pending", "accepted", "declined", "revoked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An offer of a role to whoever reads a mailbox. Only the hash of its secret is kept."""

    id: str
    organization_id: str
    email: str
    role: Role
    status: Status
    token_sha256: str
    invited_by: str
    inviter_name: str
    created_at: datetime
    expires_at: datetime

    def is_open(self, now: datetime) -> bool:
        """Whether it can be accepted."""
        return self.status == "pending" and now < self.expires_at
