"""What metering says (`metering.usage`), and what callers are told of it (`usage.totals`)."""

from datetime import datetime
from typing import Literal, TypeAlias

from shared.events.envelope import Event, State


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


class UsageTotals(State, frozen=True, kw_only=True, tag="usage.totals.v1"):
    """What callers of one subscription are told of its present billing period. Key: subscription_id.

    `units` are billed ones, `amount_minor` is what an invoice made now would say, in minor units of `currency`.
    `shown` is false when its plan, or its end, says that they are told nothing (any more).
    """

    subscription_id: str
    subscription_number: int
    shown: bool
    units: int = 0
    amount_minor: int = 0
    currency: str = "usd"
    quota_units: int | None = None
    period_end: datetime | None = None
