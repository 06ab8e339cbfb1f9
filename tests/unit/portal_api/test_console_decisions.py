"""What the Console works out for its pages: diffs, payment states, plan forms, the lifecycle's picture."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from babel import Locale

from portal_api.billing.domain.provider_view import CallCount, buckets, payment_state
from portal_api.billing.domain.subscription import Subscription
from portal_api.catalog.domain.api import ContractOperation
from portal_api.catalog.domain.contract import FoundOperation
from portal_api.catalog.domain.contract_diff import compare_contracts, renumbered
from portal_api.catalog.domain.plan import Plan, make_version
from portal_api.web.console import plan_form
from portal_api.web.console.deploying import Change, difference
from portal_api.web.console.lifecycle_graph import NARROW, WIDE, graph
from portal_api.web.kit.forms import Form
from portal_api.web.kit.statuses import KINDS
from shared.clock import SystemClock
from shared.events.catalog import Deployment, Lifecycle, Operation

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ENGLISH = Locale("en", "US")


def known(number: int, method: str, path: str, summary: str = "") -> ContractOperation:
    return ContractOperation(number=number, method=method, path_template=path, operation_id="x", summary=summary)


def found(method: str, path: str, summary: str = "") -> FoundOperation:
    return FoundOperation(method, path, "x", summary)


def deployment(upstream: str, *paths: str) -> Deployment:
    routes = tuple(Operation(number=i, method="GET", path_template=path) for i, path in enumerate(paths))
    return Deployment(revision=1, upstream_url=upstream, operations=routes, deployed_at=NOW)


def subscription(status: str, *, paid: bool = True) -> Subscription:
    return Subscription(
        id="sub_1", version=1, organization_id="org_1", application_id="app_1", developer_id="user_1", api_id="api_1",
        plan_id="plan_1", plan_version_number=1, status=status, paid=paid, created_at=NOW,
    )  # fmt: skip


def test_a_contract_imported_again_keeps_the_numbers_of_known_operations() -> None:
    before = [known(7, "GET", "/books"), known(8, "POST", "/books"), known(9, "GET", "/old")]
    after = [found("GET", "/books", "List"), found("POST", "/books"), found("GET", "/new")]
    change = compare_contracts(before, after, ("http://a", "http://b"))
    assert (change.added, change.removed, change.changed) == (("GET /new",), ("GET /old",), ("GET /books",))
    assert (change.unchanged, change.endpoint) == (1, ("http://a", "http://b"))
    assert [one.number for one in renumbered(before, after, [20])] == [7, 8, 20]


def test_a_promotion_says_what_it_changes() -> None:
    assert difference(None, None) == []
    assert difference(None, deployment("http://a", "/x")) == [Change("added", "GET /x")]
    assert difference(deployment("http://a", "/x", "/y"), deployment("http://b", "/x", "/z")) == [
        Change("added", "GET /z"),
        Change("removed", "GET /y"),
        Change("changed", "Endpoint: http://a → http://b"),
    ]


@pytest.mark.parametrize(
    ("status", "paid", "checkout", "invoice", "payment"),
    [
        ("active", False, None, None, "not_needed"),
        ("pending_payment", True, "opened", None, "waiting"),
        ("pending_payment", True, "refused", None, "refused"),
        ("active", True, "completed", None, "none"),
        ("active", True, "completed", "paid", "paid"),
        ("active", True, "completed", "open", "open"),
        ("past_due", True, "completed", "open", "overdue"),
        ("unpaid", True, "completed", "open", "failed"),
        ("canceled", True, "completed", "open", "overdue"),
        ("canceled", True, "completed", "uncollectible", "failed"),
    ],
)
def test_payment_is_told_apart_from_the_subscription(
    status: str, paid: bool, checkout: str | None, invoice: str | None, payment: str
) -> None:
    state = payment_state(subscription(status, paid=paid), checkout, invoice)  # type: ignore[arg-type]
    assert state == payment
    assert payment in KINDS["payment"]


def test_every_stretch_of_time_has_a_bar() -> None:
    counts = [CallCount(NOW, 2, 5), CallCount(NOW, 4, 1), CallCount(NOW, 5, 2)]
    rows = buckets(counts, NOW - timedelta(hours=1), NOW + timedelta(hours=1), timedelta(hours=1))
    assert [(row.ok, row.client_errors, row.server_errors, row.calls) for row in rows] == [(0, 0, 0, 0), (5, 1, 2, 8)]


def test_amounts_are_typed_in_whole_currency_units() -> None:
    form = Form.of(
        pricing_model="unit", currency="usd", unit_amount="0.02", request_count="1,000", request_unit="minute"
    )
    terms = plan_form.terms_of(form)
    assert not form.errors
    assert (terms.unit_amount_decimal, terms.rate_limits[0].count, terms.billing_period) == ("2", 1000, "month")
    yen = plan_form.terms_of(Form.of(pricing_model="unit", currency="jpy", unit_amount="0.5"))
    assert yen.unit_amount_decimal == "0.5"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"pricing_model": "unit", "currency": "usd"}, "unit_amount"),
        ({"pricing_model": "unit", "currency": "usd", "unit_amount": "a lot"}, "unit_amount"),
        ({"pricing_model": "unit", "currency": "usd", "unit_amount": "-1"}, "unit_amount"),
        ({"pricing_model": "flat", "currency": "usd"}, "flat_amount"),
        ({"pricing_model": "package", "currency": "usd", "unit_amount": "5"}, "package_size"),
        ({"pricing_model": "unit", "currency": "xxx", "unit_amount": "1"}, "currency"),
        ({"pricing_model": "unit", "currency": "usd", "unit_amount": "1", "request_count": "0"}, "request_count"),
        ({"pricing_model": "graduated", "currency": "usd", "tier_rows": "2"}, "tier_up_to_0"),
        ({"pricing_model": "volume", "currency": "usd", "tier_rows": "3", "tier_up_to_0": "9", "tier_up_to_1": "5"},
         "tier_up_to_1"),
    ],
)  # fmt: skip
def test_a_faulty_plan_names_the_pages_own_field(values: dict[str, str], field: str) -> None:
    form = Form.of(**values)
    plan_form.terms_of(form)
    assert field in form.errors, form.errors


@pytest.mark.parametrize("ticked", [{}, {"usage_headers": "on"}])
def test_a_plan_survives_its_form(ticked: dict[str, str]) -> None:
    """What the editor shows of a version is what it saves."""
    form = Form.of(
        name="Tiers", pricing_model="graduated", currency="eur", billing_period="year", flat_amount="19",
        tier_rows="3", tier_up_to_0="100", tier_unit_0="0.05", tier_up_to_1="1000", tier_unit_1="0.031",
        tier_flat_1="5", tier_unit_2="0", request_count="10", request_unit="second", request_burst="20",
        request_count_1="5000", request_unit_1="day",
        billable_rule="admitted", **ticked,
    )  # fmt: skip
    terms = plan_form.terms_of(form)
    assert not form.errors
    assert terms.usage_headers is bool(ticked)
    version = make_version(terms, number=1, ordinal=1, now=NOW)
    plan = Plan(
        id="plan_1", organization_id="org_1", name="Tiers", description="", status="active", state_version=1,
        versions=(version,), created_at=NOW,
    )  # fmt: skip
    again = plan_form.terms_of(plan_form.form_of(plan))
    assert make_version(again, number=1, ordinal=1, now=NOW) == version


def test_the_preview_counts_as_billing_does() -> None:
    form = Form.of(pricing_model="unit", currency="usd", unit_amount="0.02")
    drawn = plan_form.preview(form, SystemClock(), ENGLISH)
    assert drawn is not None
    assert [(bill.units, bill.total_minor) for bill in drawn.bills][:2] == [(100, 200), (1_000, 2_000)]
    assert drawn.bills[0].steps == (("Requests", "100 × $0.02 = $2.00"),)
    assert plan_form.preview(Form.of(pricing_model="unit", currency="usd"), SystemClock(), ENGLISH) is None


def test_every_state_of_the_lifecycle_has_a_place_and_a_meaning() -> None:
    states = set(get_args(Lifecycle))
    assert states == set(WIDE) == set(NARROW) == set(KINDS["lifecycle"])
    for state in states:
        assert graph(state).count("data-here") == 2
