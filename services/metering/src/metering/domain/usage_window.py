"""A usage window: its identity, and the total that only ever grows."""

from dataclasses import dataclass
from typing import NamedTuple

MINUTE_US = 60_000_000


class WindowKey(NamedTuple):
    """Identity of a window. Times are microseconds since 1970; rows are locked in the order of the fields."""

    subscription_number: int
    plan_version_number: int
    period_start_us: int
    api_number: int
    operation_number: int
    window_start_us: int
    sandbox: bool
    billable: bool
    status_class: int


class Usage(NamedTuple):
    """What is added up. `units` are billed units: a window that is not billable has none."""

    calls: int
    units: int

    def plus(self, other: "Usage") -> "Usage":
        """Associative and order-free, so that any split of the same calls gives the same windows."""
        return Usage(self.calls + other.calls, self.units + other.units)


@dataclass(frozen=True, slots=True)
class Window:
    """A stored window: the total with its revision; `published_revision` is what the bus has."""

    key: WindowKey
    subscription_id: str
    usage: Usage
    revision: int
