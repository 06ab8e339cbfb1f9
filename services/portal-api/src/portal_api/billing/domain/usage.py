"""Usage windows: the highest revision of each is the truth, in whatever order they come."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeAlias

from shared.events.usage import UsageWindow

# Completeness moves every second or so; this much later than now, something on the way is slow or down.
BEHIND = timedelta(seconds=20)
WindowKey: TypeAlias = tuple[str, datetime, int, int, int, datetime, str, bool, int]


@dataclass(frozen=True, slots=True)
class PeriodTotal:
    """What was counted in one billing period under one plan version."""

    subscription_id: str
    period_start: datetime
    plan_version_number: int
    environment: str
    billable: bool
    calls: int
    units: int
    last_call_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DayTotal:
    """What was counted on one day (UTC) of one billing period under one plan version."""

    subscription_id: str
    period_start: datetime
    plan_version_number: int
    day: date
    environment: str
    billable: bool
    calls: int
    units: int


def window_key(window: UsageWindow) -> WindowKey:
    """The identity of a window."""
    return (
        window.subscription_id,
        window.period_start,
        window.plan_version_number,
        window.api_number,
        window.operation_number,
        window.window_start,
        window.environment,
        window.billable,
        window.status_class,
    )


def newest_windows(windows: Iterable[UsageWindow]) -> list[UsageWindow]:
    """One per key, the highest revision; ordered by key, so that two writers lock rows in the same order."""
    newest: dict[WindowKey, UsageWindow] = {}
    for window in windows:
        key = window_key(window)
        known = newest.get(key)
        if known is None or window.revision > known.revision:
            newest[key] = window
    return [newest[key] for key in sorted(newest)]


def about_api(number: int) -> str:
    """What an open page watches to hear of an API's calls."""
    return f"api:{number}"


def behind_since(as_of: datetime, complete_until: datetime | None) -> datetime | None:
    """Since when calls are missing in the figures; None while these are as fresh as they should be."""
    return complete_until if complete_until is not None and as_of - complete_until > BEHIND else None
