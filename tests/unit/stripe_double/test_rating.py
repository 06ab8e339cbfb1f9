"""The double's own pricing of an invoice line."""

from decimal import Decimal
from typing import Any

import pytest

from stripe_double.engine.rating import amount_for


def per_unit(amount: str, package: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"billing_scheme": "per_unit", "unit_amount_decimal": amount, "transform_quantity": package}


def tiered(mode: str, *tiers: tuple[int | None, str | None, str | None]) -> dict[str, Any]:
    return {
        "billing_scheme": "tiered",
        "tiers_mode": mode,
        "_tiers": [
            {"up_to": up_to, "unit_amount_decimal": unit, "flat_amount_decimal": flat} for up_to, unit, flat in tiers
        ],
    }


BANDS: tuple[tuple[int | None, str | None, str | None], ...] = ((10, "5", None), (20, "3", "100"), (None, "1", None))
ALLOWANCE: tuple[tuple[int | None, str | None, str | None], ...] = ((1000, "0", None), (None, "0.5", None))
MINIMUM: tuple[tuple[int | None, str | None, str | None], ...] = ((50, None, "100"), (None, "2", None))


@pytest.mark.parametrize(
    ("price", "quantity", "amount"),
    [
        (per_unit("2"), 120, 240),
        (per_unit("0.05"), 10, 1),  # 0.5 rounds up
        (per_unit("0.05"), 9, 0),
        (per_unit("0.333333333333"), 3, 1),
        (per_unit("900"), 1, 900),
        (per_unit("500", {"divide_by": 100, "round": "up"}), 0, 0),
        (per_unit("500", {"divide_by": 100, "round": "up"}), 1, 500),
        (per_unit("500", {"divide_by": 100, "round": "up"}), 100, 500),
        (per_unit("500", {"divide_by": 100, "round": "up"}), 101, 1000),
        (per_unit("500", {"divide_by": 100, "round": "down"}), 199, 500),
        (tiered("volume", *BANDS), 10, 50),
        (tiered("volume", *BANDS), 11, 133),
        (tiered("volume", *BANDS), 21, 21),  # crossing a tier can lower the total
        (tiered("graduated", *BANDS), 0, 0),
        (tiered("graduated", *BANDS), 10, 50),
        (tiered("graduated", *BANDS), 11, 153),
        (tiered("graduated", *BANDS), 25, 185),
        (tiered("graduated", *ALLOWANCE), 1000, 0),
        (tiered("graduated", *ALLOWANCE), 1001, 1),
        (tiered("graduated", *ALLOWANCE), 1003, 2),  # 1.5
        (tiered("graduated", *MINIMUM), 0, 100),  # the first tier's flat is due at zero usage
        (tiered("graduated", *MINIMUM), 51, 102),
        (tiered("volume", *MINIMUM), 0, 100),
    ],
)
def test_a_line_costs(price: dict[str, Any], quantity: int, amount: int) -> None:
    assert amount_for(price, Decimal(quantity)) == amount
