"""Laws of rating, for any plan and any number of units."""

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from shared.events.catalog import PlanVersion, Tier
from shared.money import parse_unit_amount, plain, round_minor
from shared.rating import rate, rate_usage

NOW = datetime(2026, 11, 1, tzinfo=UTC)
amounts = st.decimals(0, 10_000, places=4, allow_nan=False, allow_infinity=False)
units = st.integers(0, 10**7)


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    bounds = sorted(draw(st.sets(st.integers(1, 10**6), max_size=4)))
    made = [
        Tier(up_to=b, unit_amount_decimal=draw(amounts), flat_amount_decimal=draw(amounts)) for b in (*bounds, None)
    ]
    return tuple(made)


@st.composite
def plans(draw: st.DrawFn) -> PlanVersion:
    model = draw(st.sampled_from(["free", "flat", "unit", "volume", "graduated", "package"]))
    return PlanVersion(
        number=1, ordinal=1, pricing_model=model, created_at=NOW, unit_amount_decimal=draw(amounts),
        flat_amount_decimal=draw(st.none() | amounts), tiers=draw(tiers()),
        package_size=draw(st.integers(1, 1000)), included_units=draw(st.integers(0, 1000)),
    )  # fmt: skip


@given(plans(), units)
def test_the_parts_explain_the_total(plan: PlanVersion, count: int) -> None:
    rated = rate_usage(plan, count)
    for part in rated.parts:
        assert part.amount == part.quantity * part.unit_amount + part.flat_amount
    assert rated.total_minor == round_minor(sum((part.amount for part in rated.parts), Decimal(0)))
    assert isinstance(rated.total_minor, int)
    assert rated.total_minor >= 0


@given(plans(), units)
def test_every_unit_is_priced_exactly_once(plan: PlanVersion, count: int) -> None:
    quantity = sum(part.quantity for part in rate_usage(plan, count).parts)
    if plan.pricing_model in ("free", "flat"):
        assert quantity == 0
    elif plan.pricing_model == "package":
        assert quantity * (plan.package_size or 0) >= count > (quantity - 1) * (plan.package_size or 0)
    else:
        assert quantity == count


@given(plans().filter(lambda plan: plan.pricing_model != "volume"), units, units)
def test_more_units_never_cost_less(plan: PlanVersion, a: int, b: int) -> None:
    """But for volume pricing, where reaching a cheaper tier may lower the whole."""
    assert rate(plan, min(a, b)).total_minor <= rate(plan, max(a, b)).total_minor


@given(plans(), units)
def test_the_fee_is_the_difference(plan: PlanVersion, count: int) -> None:
    fee = plan.flat_amount_decimal if plan.pricing_model != "free" else None
    assert rate(plan, count).total_minor - rate_usage(plan, count).total_minor == round_minor(fee or Decimal(0))


@given(st.decimals(0, 10**9, places=12, allow_nan=False, allow_infinity=False))
def test_a_unit_amount_survives_its_text(amount: Decimal) -> None:
    assert parse_unit_amount(plain(amount)) == amount
