"""What metering says (`metering.usage`)."""

from datetime import datetime
from typing import Literal, TypeAlias

from shared.events.envelope import Event


class UsageWindow(Event, frozen=True, kw_only=True, tag="usage.window.v1"):
    """The *total* of one window; a higher revision replaces a lower one, equal ones are the same.

    Record key: subscription_id.

    The identity of a window is every field but `calls`, `units` and `revision`. `window_start` is a full minute UTC, or
    the period's start where a period begins within that minute.
    """

    subscription_id: str
    subscription_number: int
    plan_version_number: int
    period_start: datetime
    api_number: int
    operation_number: int
    window_start: datetime
    environment: Literal["production", "sandbox"]
    billable: bool
    status_class: int
    calls: int
    units: int
    revision: int


class UsageComplete(Event, frozen=True, kw_only=True, tag="usage.complete.v1"):
    """All that was recorded before `complete_until` (exclusive) stands on this partition before this event."""

    complete_until: datetime


UsageEvent: TypeAlias = UsageWindow | UsageComplete
