"""Billing periods: days, weeks, months and years from any instant, as the Stripe double counts them on its own."""

import calendar
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from hypothesis import example, given
from hypothesis import strategies as st

from shared.events.catalog import Interval
from stripe_double.engine import periods as double
from subscriptions.domain.periods import next_period_end, period_boundary

anchors = st.datetimes(datetime(2024, 1, 1), datetime(2040, 12, 31), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=0)
)
intervals: Any = st.sampled_from(get_args(Interval))
counts = st.integers(0, 130)
END_OF_JANUARY = datetime(2028, 1, 31, 23, 59, 59, tzinfo=UTC)
LEAP_DAY = datetime(2028, 2, 29, 12, tzinfo=UTC)


@given(anchors, intervals, counts)
@example(END_OF_JANUARY, "month", 1)
@example(LEAP_DAY, "year", 1)
@example(LEAP_DAY, "year", 4)
def test_the_double_agrees(anchor: datetime, interval: Interval, number: int) -> None:
    ours = period_boundary(anchor, interval, number)
    assert int(ours.timestamp()) == double.period_boundary(int(anchor.timestamp()), interval, 1, number)


@given(anchors, counts)
def test_months_keep_the_day_where_they_have_it_and_never_drift(anchor: datetime, number: int) -> None:
    boundary = period_boundary(anchor, "month", number)
    assert (boundary.year * 12 + boundary.month) - (anchor.year * 12 + anchor.month) == number
    last = calendar.monthrange(boundary.year, boundary.month)[1]
    assert boundary.day == min(anchor.day, last)
    assert boundary.timetz() == anchor.timetz()


@given(anchors, st.integers(0, 40))
def test_a_year_is_twelve_months_a_week_seven_days(anchor: datetime, number: int) -> None:
    assert period_boundary(anchor, "year", number) == period_boundary(anchor, "month", 12 * number)
    assert period_boundary(anchor, "week", number) == period_boundary(anchor, "day", 7 * number)
    assert period_boundary(anchor, "day", number) - anchor == timedelta(days=number)


@given(anchors, intervals, st.timedeltas(timedelta(0), timedelta(days=4000)))
def test_the_next_end_is_the_first_boundary_after(anchor: datetime, interval: Interval, passed: timedelta) -> None:
    start = anchor + passed
    end = next_period_end(anchor, interval, start)
    boundaries = [anchor]
    while boundaries[-1] <= start:
        boundaries.append(period_boundary(anchor, interval, len(boundaries)))
    assert end == boundaries[-1]


@given(anchors, intervals, st.integers(0, 60))
def test_periods_follow_one_another_without_gap_or_overlap(anchor: datetime, interval: Interval, number: int) -> None:
    end = period_boundary(anchor, interval, number)
    assert next_period_end(anchor, interval, end) == period_boundary(anchor, interval, number + 1) > end
    if number:
        assert next_period_end(anchor, interval, end - timedelta(microseconds=1)) == end
