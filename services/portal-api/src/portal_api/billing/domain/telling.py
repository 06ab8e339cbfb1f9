"""What callers of a subscription were told of its usage."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Telling:
    """`told`: the fields of the last event, but for its version; None before the first."""

    subscription_id: str
    number: int
    version: int
    told: dict[str, Any] | None
