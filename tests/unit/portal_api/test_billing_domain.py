"""Billing's decisions: keys' form, what may be cancelled, and the summary's arithmetic."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from portal_api.billing.domain.stripe_keys import StripeConnection, check_keys
from portal_api.billing.domain.subscription import Checkout, Subscription, check_cancel, check_resume, is_settled
from portal_api.billing.domain.summary import estimate, forecast
from portal_api.billing.domain.usage import PeriodTotal
from portal_api.billing.entrypoints.waiting import wait_seconds
from portal_api.billing.use_cases.explaining import line_text
from portal_api.http.money_text import money
from shared.errors import DomainError
from shared.events.catalog import PlanVersion
from shared.rating import rate

NOW = datetime(2026, 11, 1, tzinfo=UTC)
UNIT = PlanVersion(number=5, ordinal=1, pricing_model="unit", created_at=NOW, unit_amount_decimal=Decimal(2))
DEARER = PlanVersion(number=6, ordinal=2, pricing_model="unit", created_at=NOW, unit_amount_decimal=Decimal("2.5"))


def subscription(status: str, **changes: object) -> Subscription:
    values: dict[str, object] = {
        "id": "sub_1", "version": 1, "organization_id": "org_1", "application_id": "app_1", "developer_id": "user_1",
        "api_id": "api_1", "plan_id": "plan_1", "plan_version_number": 5, "status": status, "paid": True,
        "created_at": NOW, **changes,
    }  # fmt: skip
    return Subscription(**values)  # type: ignore[arg-type]


def total(calls: int, *, version: int = 5, environment: str = "production", billable: bool = True) -> PeriodTotal:
    return PeriodTotal("sub_1", NOW, version, environment, billable, calls, calls)


SK, PK = "sk_test_51AbCdEfGh", "pk_test_51AbCdEfGh"


def test_keys_of_one_mode_pass() -> None:
    check_keys(SK, PK)
    check_keys("rk_live_51AbCdEfGh", "pk_live_51AbCdEfGh")


@pytest.mark.parametrize(
    ("secret", "publishable", "field"),
    [
        ("", PK, "secret_key"),
        (PK, PK, "secret_key"),
        (SK + "\n", PK, "secret_key"),
        (SK, SK, "publishable_key"),
        (SK, "pk_live_51AbCdEfGh", "publishable_key"),
    ],
)
def test_wrong_keys_name_the_field_and_never_a_key(secret: str, publishable: str, field: str) -> None:
    with pytest.raises(DomainError) as refused:
        check_keys(secret, publishable)
    assert refused.value.field == field
    assert SK not in refused.value.detail


def test_refused_keys_leave_working_ones_in_place() -> None:
    connection = StripeConnection("org_1", connected=True, problem="stripe-keys-refused")
    assert connection.connected
    assert connection.status == "refused"


@pytest.mark.parametrize("status", ["canceled", "rejected", "incomplete_expired"])
def test_what_has_ended_is_not_cancelled(status: str) -> None:
    with pytest.raises(DomainError, match="subscription-ended"):
        check_cancel(subscription(status), "now")


@pytest.mark.parametrize("status", ["pending", "pending_payment", "unpaid", "canceling"])
def test_only_a_running_period_has_an_end_to_wait_for(status: str) -> None:
    with pytest.raises(DomainError, match="not-cancelable-at-period-end"):
        check_cancel(subscription(status), "period_end")
    check_cancel(subscription(status), "now")


def test_resume_needs_a_scheduled_end() -> None:
    check_resume(subscription("active", cancel_at_period_end=True))
    for other in (subscription("active"), subscription("canceled", cancel_at_period_end=True)):
        with pytest.raises(DomainError, match="nothing-to-resume"):
            check_resume(other)


def test_settled_means_there_is_an_answer() -> None:
    opened = Checkout("sub_1", "opened", "cs_1", "https://checkout.test/cs_1")
    assert not is_settled(subscription("pending"), opened)
    assert not is_settled(subscription("pending_payment"), None)
    assert is_settled(subscription("pending_payment"), opened)
    assert is_settled(subscription("active"), None)
    assert is_settled(subscription("rejected"), None)


def test_the_seeds_arithmetic() -> None:
    found = estimate([UNIT], 5, [total(100)])
    assert (found.calls, found.amount_minor) == (100, 200)
    assert [line_text(line, "usd") for one in found.explanations for line in one.lines] == ["100 × $0.02 = $2.00"]
    assert money(found.amount_minor, "usd") == "$2.00"


@pytest.mark.parametrize("calls", [0, 1, 33, 10_000])
def test_the_estimate_is_shared_ratings(calls: int) -> None:
    rated = rate(UNIT, calls)
    found = estimate([UNIT], 5, [total(calls)])
    assert (found.units, found.amount_minor) == (calls, rated.total_minor)


def test_sandbox_and_unbilled_calls_cost_nothing() -> None:
    found = estimate([UNIT], 5, [total(3), total(50, environment="sandbox"), total(7, billable=False)])
    assert (found.calls, found.calls_not_billed, found.units, found.amount_minor) == (3, 7, 3, 6)


def test_each_plan_version_prices_its_own_units() -> None:
    found = estimate([UNIT, DEARER], 6, [total(10), total(4, version=6)])
    assert found.amount_minor == 20 + 10


def test_a_forecast_goes_on_at_the_pace_so_far() -> None:
    start, end = NOW, NOW + timedelta(days=30)
    found = estimate([UNIT, DEARER], 6, [total(10), total(20, version=6)])
    expected = forecast(found, 6, start, end, start + timedelta(days=10))
    assert expected is not None
    # What the old version counted stays; the present one's 20 units become 60.
    assert (expected.units, expected.amount_minor) == (70, 20 + 150)


@pytest.mark.parametrize("passed", [timedelta(0), timedelta(minutes=30), timedelta(days=30), timedelta(days=-1)])
def test_no_forecast_when_it_would_say_nothing(passed: timedelta) -> None:
    found = estimate([UNIT], 5, [total(10)])
    assert forecast(found, 5, NOW, NOW + timedelta(days=30), NOW + passed) is None


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [(None, 0), ("", 0), ("wait=3", 3), ("respond-async, wait=5", 5), ("wait=99", 10), ("wait=x", 0), ("await=5", 0)],
)
def test_prefer_wait(prefer: str | None, seconds: int) -> None:
    assert wait_seconds(prefer) == seconds
