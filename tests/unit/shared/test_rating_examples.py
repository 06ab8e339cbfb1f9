"""What units cost: worked examples, as Stripe documents its pricing models."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from shared.events.catalog import PlanVersion, Tier
from shared.rating import rate, rate_usage

NOW = datetime(2026, 11, 1, tzinfo=UTC)
TIERS = (
    Tier(up_to=5, unit_amount_decimal=Decimal(7), flat_amount_decimal=Decimal(100)),
    Tier(up_to=10, unit_amount_decimal=Decimal(6), flat_amount_decimal=Decimal(50)),
    Tier(up_to=None, unit_amount_decimal=Decimal(5)),
)


def plan(model: str, **changes: object) -> PlanVersion:
    return PlanVersion(number=1, ordinal=1, pricing_model=model, created_at=NOW, **changes)


@pytest.mark.parametrize(
    ("version", "units", "total_minor"),
    [
        (plan("free"), 1_000, 0),
        (plan("flat", flat_amount_decimal=Decimal(1500)), 1_000, 1500),
        (plan("unit", unit_amount_decimal=Decimal(2)), 100, 200),
        (plan("unit", unit_amount_decimal=Decimal(2), included_units=30), 100, 140),
        (plan("unit", unit_amount_decimal=Decimal(2), included_units=30), 20, 0),
        (plan("unit", unit_amount_decimal=Decimal(2), flat_amount_decimal=Decimal(999)), 100, 1199),
        (plan("unit", unit_amount_decimal=Decimal("0.05")), 9, 0),
        (plan("unit", unit_amount_decimal=Decimal("0.05")), 10, 1),  # half up, once, on the line
        (plan("package", unit_amount_decimal=Decimal(300), package_size=10), 0, 0),
        (plan("package", unit_amount_decimal=Decimal(300), package_size=10), 10, 300),
        (plan("package", unit_amount_decimal=Decimal(300), package_size=10), 11, 600),
        (plan("graduated", tiers=TIERS), 0, 100),
        (plan("graduated", tiers=TIERS), 5, 135),
        (plan("graduated", tiers=TIERS), 6, 191),
        (plan("graduated", tiers=TIERS), 20, 100 + 35 + 50 + 30 + 50),
        (plan("volume", tiers=TIERS), 5, 135),
        (plan("volume", tiers=TIERS), 6, 86),
        (plan("volume", tiers=TIERS), 20, 100),
    ],
)
def test_total(version: PlanVersion, units: int, total_minor: int) -> None:
    rated = rate(version, units)
    assert (rated.units, rated.total_minor) == (units, total_minor)


def test_usage_alone_leaves_out_the_fee() -> None:
    assert (
        rate_usage(plan("unit", unit_amount_decimal=Decimal(2), flat_amount_decimal=Decimal(999)), 3).total_minor == 6
    )


@pytest.mark.parametrize(
    ("version", "units"),
    [
        (plan("free"), -1),
        (plan("unit"), 1),
        (plan("package", unit_amount_decimal=Decimal(1)), 1),
        (plan("graduated"), 1),
        (plan("volume"), 1),
        (plan("volume", tiers=(Tier(up_to=5),)), 6),
    ],
)
def test_an_incomplete_price_or_negative_units_are_refused(version: PlanVersion, units: int) -> None:
    with pytest.raises(ValueError):
        rate(version, units)


def lines(version: PlanVersion, units: int) -> list[tuple[str, int, int]]:
    return [(part.description, part.quantity, part.amount_minor) for part in rate(version, units).parts]


def test_each_line_says_what_it_prices() -> None:
    assert lines(plan("graduated", tiers=TIERS, flat_amount_decimal=Decimal(900)), 12) == [
        ("Fee for the period", 1, 900),
        ("Tier 1 (1 to 5)", 5, 135),
        ("Tier 2 (6 to 10)", 5, 80),
        ("Tier 3 (11 and more)", 2, 10),
    ]
    assert lines(plan("volume", tiers=TIERS), 6) == [("Tier 2 (6 to 10)", 6, 86)]
    assert lines(plan("unit", unit_amount_decimal=Decimal(2), included_units=30), 40) == [
        ("Included, of 30", 30, 0),
        ("Per unit", 10, 20),
    ]
    assert lines(plan("package", unit_amount_decimal=Decimal(300), package_size=10), 11) == [("Packages of 10", 2, 600)]
    assert lines(plan("free"), 5) == lines(plan("flat", flat_amount_decimal=Decimal(0)), 5)[1:] == []


def test_each_tier_is_rounded_for_itself() -> None:
    """As on Stripe's invoices: 3.5 -> 4 and 0.6 -> 1 are 5, although the sum is 4.1."""
    tiers = (Tier(up_to=7, unit_amount_decimal=Decimal("0.5")), Tier(up_to=None, unit_amount_decimal=Decimal("0.6")))
    rated = rate(plan("graduated", tiers=tiers), 8)
    assert ([part.amount_minor for part in rated.parts], rated.total_minor) == ([4, 1], 5)


def test_no_digit_is_lost_in_large_products() -> None:
    version = plan("unit", unit_amount_decimal=Decimal("99999999.123456789012"))
    (part,) = rate(version, 10**12 - 1).parts
    # 99999999.123456789012 x 999999999999, by integers: 32 digits, more than Decimal keeps by default
    assert part.amount == Decimal("99999999123356789012.876543210988")


def test_a_models_name_from_the_wire_is_as_good_as_a_literal() -> None:
    """Compared by value: a decoded string is another object."""
    terms = {"unit_amount_decimal": Decimal(2), "flat_amount_decimal": Decimal(7), "package_size": 3, "tiers": TIERS}
    for model in ("free", "flat", "unit", "package", "volume", "graduated"):
        decoded = "".join(list(model))
        assert rate(plan(decoded, **terms), 6) == rate(plan(model, **terms), 6)
    assert lines(plan("".join(list("free")), **terms), 6) == []
    assert lines(plan("".join(list("unit")), **terms), 6)[1:] == [("Per unit", 6, 12)]
    assert lines(plan("".join(list("package")), **terms), 6)[1:] == [("Packages of 3", 2, 4)]
    assert lines(plan("".join(list("volume")), **terms), 6)[1:] == [("Tier 2 (6 to 10)", 6, 86)]
