"""Billing periods from an anchor, half-open; from 31 January they go on at 28 February, then 31 March."""

import calendar
from datetime import UTC, datetime

_SECONDS = {"day": 86_400, "week": 7 * 86_400}


def period_boundary(anchor: int, interval: str, interval_count: int, number: int) -> int:
    """The instant at which period `number` starts; number 0 starts at the anchor."""
    steps = interval_count * number
    if interval in _SECONDS:
        return anchor + steps * _SECONDS[interval]
    start = datetime.fromtimestamp(anchor, UTC)
    months = start.year * 12 + start.month - 1 + steps * (12 if interval == "year" else 1)
    year, month = divmod(months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())
