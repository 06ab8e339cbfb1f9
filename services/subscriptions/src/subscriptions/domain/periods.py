"""Calendar arithmetic of billing periods of free plans (Stripe does it for paid ones)."""

from calendar import monthrange
from datetime import datetime, timedelta

from shared.events.catalog import Interval


def _add_months(anchor: datetime, months: int) -> datetime:
    """The anchor's day in a later month, or that month's last day where it is shorter: 31 January -> 28 February."""
    index = anchor.year * 12 + anchor.month - 1 + months
    year, month = divmod(index, 12)
    return anchor.replace(year=year, month=month + 1, day=min(anchor.day, monthrange(year, month + 1)[1]))


def period_boundary(anchor: datetime, interval: Interval, count: int) -> datetime:
    """The end of the `count`-th period after `anchor`, counted from the anchor so that short months do not drift."""
    match interval:
        case "day":
            return anchor + timedelta(days=count)
        case "week":
            return anchor + timedelta(weeks=count)
        case "month":
            return _add_months(anchor, count)
        case "year":
            return _add_months(anchor, 12 * count)


def next_period_end(anchor: datetime, interval: Interval, start: datetime) -> datetime:
    """The first boundary after `start`."""
    approximate = {"day": 1, "week": 7, "month": 31, "year": 366}[interval]
    count = max(0, (start - anchor).days // approximate)
    while period_boundary(anchor, interval, count) <= start:
        count += 1
    return period_boundary(anchor, interval, count)
