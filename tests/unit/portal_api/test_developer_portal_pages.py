"""What the Developer Portal's pages decide: stages of a subscription, samples, figures and the usage chart."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from babel import Locale

from portal_api.billing.domain.subscription import Checkout, Subscription
from portal_api.billing.domain.summary import Forecast, estimate
from portal_api.billing.domain.usage import PeriodTotal
from portal_api.billing.domain.usage_history import Tally
from portal_api.billing.use_cases.usage_history import UsageHistory, UsageRow
from portal_api.billing.use_cases.usage_summary import NamedSubscription, SubscriptionUsage, UsageSummary
from portal_api.catalog.domain.api import ContractOperation
from portal_api.web.portal.billing import by_api, figures
from portal_api.web.portal.samples import first_path, samples
from portal_api.web.portal.subscribing import Progress
from portal_api.web.portal.usage_chart import usage_chart
from shared.events.catalog import PlanVersion

NOW = datetime(2026, 11, 11, 12, tzinfo=UTC)


def subscription(status: str = "active", **changes: Any) -> Subscription:
    values: dict[str, Any] = {
        "id": "sub_1", "version": 1, "organization_id": "org_1", "application_id": "app_1", "developer_id": "user_1",
        "api_id": "api_1", "plan_id": "plan_1", "plan_version_number": 5, "status": status, "paid": True,
        "created_at": NOW, "current_period_start": NOW - timedelta(days=10),
        "current_period_end": NOW + timedelta(days=20), **changes,
    }  # fmt: skip
    return Subscription(**values)


@pytest.mark.parametrize(
    ("status", "checkout", "stage"),
    [
        ("pending", None, "waiting"),
        ("pending_payment", None, "waiting"),
        ("pending_payment", Checkout("sub_1", "opened", url="https://stripe.test"), "pay"),
        ("pending_payment", Checkout("sub_1", "completed"), "paid"),
        ("pending_payment", Checkout("sub_1", "refused", problem="stripe-charges-disabled"), "refused"),
        ("rejected", None, "refused"),
        ("active", Checkout("sub_1", "completed"), "active"),
        ("trialing", None, "active"),
        ("canceling", None, "ended"),
        ("incomplete_expired", Checkout("sub_1", "expired"), "ended"),
    ],
)
def test_a_new_subscription_is_in_one_stage(status: str, checkout: Checkout | None, stage: str) -> None:
    assert Progress(subscription(status), checkout).stage == stage


def test_what_stripe_refused_is_told_in_its_own_words() -> None:
    refused = Checkout("sub_1", "refused", problem="stripe-charges-disabled", problem_detail="Verify the account.")
    assert Progress(subscription("pending_payment"), refused).problem == (
        "stripe-charges-disabled", "Verify the account.",
    )  # fmt: skip


def operation(method: str, path: str) -> ContractOperation:
    return ContractOperation(number=1, method=method, path_template=path, operation_id="x")


def test_a_sample_calls_what_needs_nothing_but_the_address() -> None:
    operations = [operation("POST", "/a"), operation("GET", "/b/{id}"), operation("GET", "/books")]
    assert first_path(operations) == "/books"
    assert first_path([operation("POST", "/a")]) == "/"
    found = {one.language: one.text("TOKEN") for one in samples("http://gateway.test/o/a/1", operations)}
    assert found["curl"] == ("curl -i http://gateway.test/o/a/1/books \\\n  -H 'Authorization: Bearer TOKEN'")
    assert all("Bearer TOKEN" in text and "/books" in text for text in found.values())


def used(api_id: str, calls: int, currency: str = "usd", forecast_units: int | None = None) -> SubscriptionUsage:
    version = PlanVersion(
        number=5, ordinal=1, pricing_model="unit", created_at=NOW, unit_amount_decimal=Decimal(2), currency=currency
    )
    row = subscription(api_id=api_id)
    total = PeriodTotal("sub_1", NOW - timedelta(days=10), 5, "production", True, calls, calls)
    found = estimate([version], 5, [total])
    ahead = Forecast(forecast_units, forecast_units * 2) if forecast_units else None
    return SubscriptionUsage(NamedSubscription(row, None, None, "App"), found, ahead, None)


def summary(*usage: SubscriptionUsage, complete_until: datetime | None = NOW) -> UsageSummary:
    return UsageSummary(NOW, complete_until, len(usage), usage)


def test_currencies_are_never_added_up() -> None:
    found = figures(summary(used("api_1", 10), used("api_2", 5), used("api_1", 7, "jpy")))
    assert (found.calls, found.cost) == (22, ((14, "jpy"), (30, "usd")))


def test_figures_say_when_they_are_behind() -> None:
    assert figures(summary(complete_until=NOW - timedelta(seconds=3))).behind_since is None
    late = NOW - timedelta(minutes=5)
    assert figures(summary(complete_until=late)).behind_since == late
    assert figures(summary(complete_until=None)).behind_since is None


def test_usage_by_api_adds_up_to_the_figures() -> None:
    found = by_api(summary(used("api_1", 10), used("api_2", 50), used("api_1", 7, "jpy")))
    assert [(name, tally.calls, tally.amounts) for name, tally in found] == [
        ("api_2", 50, {"usd": 100}),
        ("api_1", 17, {"usd": 20, "jpy": 14}),
    ]


def history(*rows: tuple[int, int]) -> UsageHistory:
    named = NamedSubscription(subscription(), None, None, "App")
    days = tuple((date(2026, 11, day), Tally()) for day in range(1, 12))
    used_rows = tuple(UsageRow(date(2026, 11, day), named, Tally(calls)) for day, calls in rows)
    of = ((named, Tally(sum(calls for _, calls in rows))),) if rows else ()
    return UsageHistory(date(2026, 11, 1), date(2026, 11, 11), NOW, days, of, used_rows)


def test_the_chart_shows_every_day_and_the_forecast_apart() -> None:
    chart = usage_chart(history((3, 40), (11, 7)), summary(used("api_1", 47, forecast_units=147)), Locale("en", "US"))
    assert chart is not None
    assert chart.has_forecast
    assert "40 billed calls" in chart.drawing
    # 100 requests more over the 20 days that are left.
    assert chart.drawing.count("forecast 5") == 2 * 2 * 20
    assert usage_chart(history(), summary(), Locale("en", "US")) is None
