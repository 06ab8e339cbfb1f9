from datetime import UTC, datetime
from decimal import Decimal

import pytest

from billing_sync.domain.price import price_specs
from billing_sync.domain.slots import event_name, free_slot
from shared.events.catalog import PlanVersion, Tier


def plan(model: str, **fields: object) -> PlanVersion:
    base = {"number": 1, "ordinal": 1, "pricing_model": model, "created_at": datetime(2026, 1, 1, tzinfo=UTC)}
    return PlanVersion(**{**base, **fields})  # type: ignore[arg-type]


METERED = {"interval": "month", "usage_type": "metered", "meter": "mtr_1"}


def test_a_free_plan_has_no_price() -> None:
    assert price_specs(plan("free"), None) == ()


def test_unit_writes_tiny_amounts_without_an_exponent() -> None:
    (spec,) = price_specs(plan("unit", unit_amount_decimal=Decimal("1E-7")), "mtr_1")
    assert spec.parameters == {
        "currency": "usd",
        "recurring": METERED,
        "billing_scheme": "per_unit",
        "unit_amount_decimal": "0.0000001",
    }


def test_included_units_are_a_first_tier_at_zero() -> None:
    (spec,) = price_specs(plan("unit", unit_amount_decimal=Decimal(2), included_units=100), "mtr_1")
    assert spec.parameters["tiers"] == [
        {"up_to": 100, "unit_amount_decimal": "0"},
        {"up_to": "inf", "unit_amount_decimal": "2"},
    ]
    assert spec.parameters["tiers_mode"] == "graduated"


def test_flat_is_licensed_and_needs_no_meter() -> None:
    (spec,) = price_specs(plan("flat", flat_amount_decimal=Decimal(990)), None)
    assert spec.kind == "fee"
    assert spec.parameters == {"currency": "usd", "unit_amount": 990, "recurring": {"interval": "month"}}


def test_a_fee_beside_usage_is_a_second_price() -> None:
    version = plan("unit", unit_amount_decimal=Decimal(2), flat_amount_decimal=Decimal(500))
    assert [spec.kind for spec in price_specs(version, "mtr_1")] == ["fee", "usage"]


@pytest.mark.parametrize("model", ["volume", "graduated"])
def test_tiers(model: str) -> None:
    tiers = (Tier(up_to=10, unit_amount_decimal=Decimal("0.5"), flat_amount_decimal=Decimal(100)), Tier(up_to=None))
    (spec,) = price_specs(plan(model, tiers=tiers), "mtr_1")
    assert spec.parameters["tiers_mode"] == model
    assert spec.parameters["tiers"] == [
        {"up_to": 10, "unit_amount_decimal": "0.5", "flat_amount_decimal": "100"},
        {"up_to": "inf", "unit_amount_decimal": "0"},
    ]


def test_package_rounds_up() -> None:
    (spec,) = price_specs(plan("package", unit_amount_decimal=Decimal(100), package_size=1000), "mtr_1")
    assert spec.parameters["transform_quantity"] == {"divide_by": 1000, "round": "up"}


@pytest.mark.parametrize("model", ["unit", "volume", "graduated", "package", "flat"])
def test_an_incomplete_plan_is_refused(model: str) -> None:
    with pytest.raises(ValueError, match="needs"):
        price_specs(plan(model), "mtr_1")


def test_half_a_cent_is_no_fee() -> None:
    with pytest.raises(ValueError, match="whole number"):
        price_specs(plan("flat", flat_amount_decimal=Decimal("0.5")), None)


def test_the_lowest_free_slot_is_taken() -> None:
    assert [free_slot(taken) for taken in (set(), {1}, {1, 3}, {2})] == [1, 2, 2, 1]


def test_event_names_fit_stripe() -> None:
    assert event_name("api_1", "plan_1", 2) == "tollway.api_1.plan_1.2"
    with pytest.raises(ValueError, match="too long"):
        event_name("a" * 60, "p" * 60, 1)
