"""What a quantity costs under a Stripe price. Written from Stripe's documentation alone, to be compared with others.

Amounts are minor units as Decimal; one rounding, half up, per invoice line.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from stripe_double.store import Object

_ZERO = Decimal(0)


def _decimal(value: object) -> Decimal:
    return _ZERO if value is None else Decimal(str(value))


def round_minor(amount: Decimal) -> int:
    """To whole minor units, half up."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def amount_for(price: Object, quantity: Decimal) -> int:
    """The amount of an invoice line for `quantity` units of a price object with its hidden tiers."""
    if price["billing_scheme"] == "tiered":
        tiers = price["_tiers"]
        exact = _volume(tiers, quantity) if price["tiers_mode"] == "volume" else _graduated(tiers, quantity)
    else:
        exact = _units(price, quantity) * _decimal(price["unit_amount_decimal"])
    return round_minor(exact)


def _units(price: Object, quantity: Decimal) -> Decimal:
    package: Object | None = price.get("transform_quantity")
    if not package:
        return quantity
    rounding = ROUND_CEILING if package["round"] == "up" else ROUND_FLOOR
    return (quantity / Decimal(package["divide_by"])).to_integral_value(rounding)


def _volume(tiers: list[Object], quantity: Decimal) -> Decimal:
    """The whole quantity at the price of the tier that it ends in."""
    tier = next(tier for tier in tiers if tier["up_to"] is None or quantity <= tier["up_to"])
    return quantity * _decimal(tier["unit_amount_decimal"]) + _decimal(tier["flat_amount_decimal"])


def _graduated(tiers: list[Object], quantity: Decimal) -> Decimal:
    """Each tier's part at its own price; the flats of all reached tiers add up, the first one's at zero usage too."""
    total, below = _ZERO, _ZERO
    for position, tier in enumerate(tiers):
        if position and quantity <= below:
            break
        top = quantity if tier["up_to"] is None else min(quantity, Decimal(tier["up_to"]))
        total += (top - below) * _decimal(tier["unit_amount_decimal"]) + _decimal(tier["flat_amount_decimal"])
        below = top if tier["up_to"] is None else Decimal(tier["up_to"])
    return total
