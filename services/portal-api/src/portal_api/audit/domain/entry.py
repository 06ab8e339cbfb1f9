"""One change, as the log tells it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Action = Literal["created", "updated", "deleted", "ordered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`before` and `after` hold what differs; secrets are hidden in both."""

    number: int
    at: datetime
    organization_id: str | None
    actor_id: str | None
    actor_name: str | None
    actor_email: str | None
    actor_kind: str
    credential_id: str | None
    address: str
    user_agent: str
    trace_id: str | None
    operation: str
    action: Action
    target_type: str
    target_id: str
    target_name: str | None
    before: dict[str, Any]
    after: dict[str, Any]

    @property
    def id(self) -> str:
        """As the API names it."""
        return f"aud_{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Everything that is given must hold."""

    actor_id: str | None = None
    target_type: str | None = None
    target_id: str | None = None
    action: Action | None = None
    since: datetime | None = None
    until: datetime | None = None


def number_of(entry_id: str) -> int | None:
    """`aud_17` -> 17; None for what is no entry's id."""
    prefix, _, digits = entry_id.partition("_")
    return int(digits) if prefix == "aud" and digits.isdecimal() and len(digits) < 19 else None
