"""Where periods start, and at which instant a call counts."""

from datetime import UTC, datetime, timedelta

import pytest

from metering.domain.period import Period, Terms, access_end, boundaries, counted_at, period_start_of
from shared.events.subscriptions import SubscriptionState

T0 = datetime(2026, 11, 1, 12, 30, 17, tzinfo=UTC)
MONTH = timedelta(days=30)


def state(**changes: object) -> SubscriptionState:
    fields: dict[str, object] = {
        "version": 1, "subscription_id": "sub_1", "number": 1, "organization_id": "org_1", "application_id": "app_1",
        "application_number": 1, "developer_id": "user_1", "api_id": "api_1", "api_number": 1, "plan_id": "plan_1",
        "plan_version_number": 1, "paid": True, "interval": "month", "status": "active", "created_at": T0,
        "current_period_start": T0, "current_period_end": T0 + MONTH,
    }  # fmt: skip
    return SubscriptionState(**(fields | changes))


@pytest.mark.parametrize(
    ("periods", "expected"),
    [
        ([(0, None)], (0,)),
        ([(0, 30)], (0, 30)),
        ([(0, 30), (30, 60)], (0, 30, 60)),
        ([(30, 60), (0, 30)], (0, 30, 60)),
        ([(0, 30), (60, 90)], (0, 30, 60, 90)),  # a renewal that compaction removed
        ([(0, 30), (10, 40)], (0, 10, 40)),  # cut short by a plan change
    ],
)
def test_boundaries(periods: list[tuple[int, int | None]], expected: tuple[int, ...]) -> None:
    assert boundaries(Period(*period) for period in periods) == expected


def test_a_call_before_the_first_period_counts_into_the_first() -> None:
    terms = Terms(1, (100, 200))
    assert (counted_at(terms, 40), period_start_of(terms, 40)) == (100, 100)


def test_after_a_known_end_the_next_period_starts_there() -> None:
    terms = Terms(1, (100, 200))
    assert [period_start_of(terms, at) for at in (199, 200, 5_000)] == [100, 200, 200]


def test_a_call_after_the_end_counts_one_microsecond_before_it() -> None:
    terms = Terms(1, (100, 200), end_us=200)
    assert (counted_at(terms, 250), period_start_of(terms, 250)) == (199, 100)
    assert counted_at(terms, 198) == 198


def test_the_end_is_where_access_ended() -> None:
    early, late = T0 + timedelta(hours=1), T0 + timedelta(hours=2)
    assert access_end(state()) is None
    assert access_end(state(access_ended_at=early, ended_at=late)) == early
    assert access_end(state(ended_at=late)) == late
    assert access_end(state(cancel_at=late)) == late
    assert access_end(state(cancel_at_period_end=True)) == T0 + MONTH
