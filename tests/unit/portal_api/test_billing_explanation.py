"""The arithmetic in words, for every pricing model; and what plans cost beside one another."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from portal_api.billing.domain.explanation import explain
from portal_api.billing.domain.summary import cheapest
from portal_api.billing.domain.usage import DayTotal
from portal_api.billing.domain.usage_history import by_day, check_range, tallies
from portal_api.billing.use_cases.explaining import line_reason, line_text, line_title, rule_text
from portal_api.catalog.domain.entry_price import entry_price, lowest_entry_price
from portal_api.catalog.use_cases.price_text import entry_price_text
from shared.errors import DomainError
from shared.events.catalog import PlanVersion, Tier
from shared.rating import rate

NOW = datetime(2026, 11, 1, tzinfo=UTC)
TIERS = (
    Tier(up_to=1000, unit_amount_decimal=Decimal(2)),
    Tier(up_to=5000, unit_amount_decimal=Decimal(1), flat_amount_decimal=Decimal(500)),
    Tier(up_to=None, unit_amount_decimal=Decimal("0.5")),
)


def version(model: str, **terms: Any) -> PlanVersion:
    return PlanVersion(number=terms.pop("number", 1), ordinal=1, pricing_model=model, created_at=NOW, **terms)  # type: ignore[arg-type]


FREE = version("free")
FLAT = version("flat", flat_amount_decimal=Decimal(1000))
UNIT = version("unit", unit_amount_decimal=Decimal(2))
INCLUDED = version("unit", unit_amount_decimal=Decimal(2), included_units=100)
PACKAGE = version("package", unit_amount_decimal=Decimal(300), package_size=1000)
VOLUME = version("volume", tiers=TIERS)
GRADUATED = version("graduated", tiers=TIERS)
FINE = version("unit", unit_amount_decimal=Decimal("0.35"))
YEN = version("unit", unit_amount_decimal=Decimal(3), currency="jpy")


def lines(plan: PlanVersion, units: int) -> list[tuple[str, str]]:
    found = explain(plan, units)
    return [(line_title(line, found), line_text(line, plan.currency)) for line in found.lines]


@pytest.mark.parametrize(
    ("plan", "units", "expected"),
    [
        (FREE, 10, []),
        (FLAT, 10, [("Fee per month", "$10.00")]),
        (UNIT, 100, [("Requests", "100 × $0.02 = $2.00")]),
        (INCLUDED, 150, [("Included (first 100)", "100 × $0.00 = $0.00"), ("Requests", "50 × $0.02 = $1.00")]),
        (PACKAGE, 1001, [("Packages of 1,000", "2 × $3.00 = $6.00")]),
        (VOLUME, 2000, [("Tier 2 (1,001 to 5,000)", "2,000 × $0.01 + $5.00 flat = $25.00")]),
        (
            GRADUATED,
            6000,
            [
                ("Tier 1 (1 to 1,000)", "1,000 × $0.02 = $20.00"),
                ("Tier 2 (1,001 to 5,000)", "4,000 × $0.01 + $5.00 flat = $45.00"),
                ("Tier 3 (5,001 and more)", "1,000 × $0.005 = $5.00"),
            ],
        ),
        (FINE, 3, [("Requests", "3 × $0.0035 = $0.0105 ≈ $0.01")]),
        (YEN, 7, [("Requests", "7 × ¥3 = ¥21")]),
    ],
)
def test_each_line_is_a_sum_that_anybody_can_check(
    plan: PlanVersion, units: int, expected: list[tuple[str, str]]
) -> None:
    assert lines(plan, units) == expected


@pytest.mark.parametrize("plan", [FREE, FLAT, UNIT, INCLUDED, PACKAGE, VOLUME, GRADUATED])
@pytest.mark.parametrize("units", [0, 1, 99, 100, 101, 1000, 1001, 5000, 5001, 123_456])
def test_an_explanation_is_shared_ratings_arithmetic(plan: PlanVersion, units: int) -> None:
    found, rated = explain(plan, units), rate(plan, units)
    assert [line.amount for line in found.lines] == [part.amount for part in rated.parts]
    assert found.total_minor == rated.total_minor
    assert rule_text(found).endswith(".")
    for line in found.lines:
        assert line_reason(line, found).endswith(".")
        assert line.tier is None or (line.first_unit or 0) <= max(units, 1)


def test_a_reason_names_rounding_and_flats() -> None:
    fine = explain(FINE, 3)
    assert line_reason(fine.lines[0], fine).endswith("$0.0105 is rounded to $0.01, as on the invoice.")
    tiered = explain(GRADUATED, 2000)
    assert "Reaching this tier adds $5.00 once." in line_reason(tiered.lines[1], tiered)


def test_the_cheapest_plan_at_a_volume() -> None:
    assert cheapest([explain(UNIT, 400), explain(FLAT, 400)]) == explain(UNIT, 400)
    assert cheapest([explain(UNIT, 600), explain(FLAT, 600)]) == explain(FLAT, 600)
    assert cheapest([explain(UNIT, 600), explain(YEN, 600)]) is None
    yearly = version("flat", flat_amount_decimal=Decimal(1), interval="year")
    assert cheapest([explain(UNIT, 600), explain(yearly, 600)]) is None


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        (FREE, "Free"),
        (FLAT, "$10.00 per month"),
        (UNIT, "$0.02 per request"),
        (PACKAGE, "$3.00 per 1,000 requests"),
        (GRADUATED, "$0.005 per request"),
        (version("unit", unit_amount_decimal=Decimal(2), flat_amount_decimal=Decimal(900)), "$9.00 per month"),
    ],
)
def test_what_a_card_says(plan: PlanVersion, text: str) -> None:
    assert entry_price_text(entry_price(plan)) == text


def test_an_api_begins_with_what_risks_least() -> None:
    def begins(*plans: PlanVersion) -> str | None:
        price = lowest_entry_price(plans)
        return entry_price_text(price) if price else None

    assert begins() is None
    assert begins(FLAT, UNIT) == "$0.02 per request"
    assert begins(FLAT, UNIT, FREE) == "Free"
    assert begins(YEN, UNIT) == "¥3 per request"


def day_total(day: int, units: int, *, billable: bool = True, environment: str = "production") -> DayTotal:
    return DayTotal("sub_1", NOW, 1, date(2026, 11, day), environment, billable, units, units)


def test_a_day_costs_what_the_bill_grew_by() -> None:
    days = [
        day_total(3, 900),
        day_total(2, 600),
        day_total(3, 5, billable=False),
        day_total(3, 7, environment="sandbox"),
    ]
    found = tallies(days, {("sub_1", NOW, 1): 500}, {1: GRADUATED})
    # The second day fills tier 1 (500 units before, 500 of 600) and opens tier 2 with its flat.
    assert found[date(2026, 11, 2), "sub_1"].amounts == {"usd": 500 * 2 + 100 + 500}
    assert found[date(2026, 11, 3), "sub_1"].amounts == {"usd": 900}
    assert found[date(2026, 11, 3), "sub_1"].calls_not_billed == 5
    shown = by_day(found, date(2026, 11, 1), date(2026, 11, 3))
    assert [(day.day, tally.calls) for day, tally in shown] == [(1, 0), (2, 600), (3, 900)]


@pytest.mark.parametrize("until", [date(2026, 10, 31), date(2027, 11, 2)])
def test_ranges_out_of_bounds_name_the_field(until: date) -> None:
    with pytest.raises(DomainError) as refused:
        check_range(date(2026, 11, 1), until)
    assert refused.value.field == "from"
    check_range(date(2026, 11, 1), date(2027, 11, 1))
