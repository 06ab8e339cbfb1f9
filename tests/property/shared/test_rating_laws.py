"""Laws of rating, for any plan that can be created and any number of units."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from tests.support.plans import plans, units
from tests.support.rating_reference import cents, half_up, usage_cents

from shared.events.catalog import PlanVersion
from shared.money import parse_unit_amount, plain
from shared.rating import rate, rate_usage


@given(plans(), units)
def test_a_second_implementation_agrees(plan: PlanVersion, count: int) -> None:
    assert rate(plan, count).total_minor == cents(plan, count)
    assert rate_usage(plan, count).total_minor == usage_cents(plan, count)


@given(plans(), units)
def test_the_parts_explain_the_total_exactly(plan: PlanVersion, count: int) -> None:
    rated = rate(plan, count)
    for part in rated.parts:
        exact = part.quantity * Fraction(part.unit_amount) + Fraction(part.flat_amount)
        assert Fraction(part.amount) == exact, "no digit is lost on the way"
        assert part.amount_minor == half_up(exact)
    assert rated.total_minor == sum(part.amount_minor for part in rated.parts)
    assert rated.units == count


@given(plans(), units)
def test_every_unit_is_priced_exactly_once(plan: PlanVersion, count: int) -> None:
    quantity = sum(part.quantity for part in rate_usage(plan, count).parts)
    if plan.pricing_model in ("free", "flat"):
        assert quantity == 0
    elif plan.pricing_model == "package":
        assert quantity * (plan.package_size or 0) >= count > (quantity - 1) * (plan.package_size or 0)
    else:
        assert quantity == count


@given(plans(("free", "flat", "unit", "graduated", "package")), units, units)
def test_more_units_never_cost_less(plan: PlanVersion, a: int, b: int) -> None:
    """But for volume pricing, where reaching a cheaper tier may lower the whole."""
    assert rate(plan, min(a, b)).total_minor <= rate(plan, max(a, b)).total_minor


@given(plans(), units)
def test_the_fee_comes_first_and_is_the_difference(plan: PlanVersion, count: int) -> None:
    rated, usage = rate(plan, count), rate_usage(plan, count)
    fee = [part for part in rated.parts if part not in usage.parts or part.description == "Fee for the period"]
    assert rated.parts == (*fee, *usage.parts)
    assert rated.total_minor - usage.total_minor == int(plan.flat_amount_decimal or 0)


@given(st.decimals(0, 10**9, places=12, allow_nan=False, allow_infinity=False))
def test_a_unit_amount_survives_its_text(amount: Decimal) -> None:
    assert parse_unit_amount(plain(amount)) == amount
