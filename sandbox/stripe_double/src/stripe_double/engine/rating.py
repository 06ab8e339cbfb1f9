"""What a quantity costs under a Stripe price. Written from Stripe's documentation and invoices, to be compared.

Amounts are minor units as Decimal. A tiered price makes a line for each tier reached, and one more for the tier's flat
amount (seen on invoices: "31 credit × Usage (Tier 2 at $0.036 / month)" is 112, "Usage (Tier 1 at $9.00 / month)" has
quantity 0); each line is rounded half up.
"""

import dataclasses
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal

from stripe_double.store import Object

_ZERO = Decimal(0)
_WIDE = Context(prec=60, rounding=ROUND_HALF_UP)

# docs.stripe.com/currencies
ZERO_DECIMAL = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf")
)
THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
CHARGED_IN_HUNDREDS = frozenset(("isk", "ugx"))


@dataclasses.dataclass(frozen=True, slots=True)
class Share:
    """What becomes one invoice line. `tier` is 0 where the price has none; `at` is a unit's or the flat's amount."""

    quantity: Decimal
    amount: int
    at: Decimal
    tier: int = 0
    is_flat: bool = False


def _decimal(value: object) -> Decimal:
    return _ZERO if value is None else Decimal(str(value))


def round_minor(amount: Decimal) -> int:
    """To whole minor units, half up."""
    return int(_WIDE.quantize(amount, Decimal(1)))


def charge_step(currency: str) -> int:
    """Minor units in which money is moved."""
    if currency in THREE_DECIMAL:
        return 10
    return 100 if currency in CHARGED_IN_HUNDREDS else 1


def to_step(amount: int, currency: str) -> int:
    """The nearest amount that can be charged."""
    step = charge_step(currency)
    return round_minor(Decimal(amount) / step) * step


def amount_for(price: Object, quantity: Decimal) -> int:
    """What the lines for `quantity` units of a price object, with its hidden tiers, add up to."""
    return sum(share.amount for share in shares_of(price, quantity))


def shares_of(price: Object, quantity: Decimal) -> list[Share]:
    """The lines."""
    if price["billing_scheme"] != "tiered":
        at = _decimal(price["unit_amount_decimal"])
        return [Share(quantity, round_minor(_WIDE.multiply(_units(price, quantity), at)), at)]
    if price["tiers_mode"] == "volume":
        return _volume(price["_tiers"], quantity)
    return _graduated(price["_tiers"], quantity)


def _units(price: Object, quantity: Decimal) -> Decimal:
    package: Object | None = price.get("transform_quantity")
    if not package:
        return quantity
    rounding = ROUND_CEILING if package["round"] == "up" else ROUND_FLOOR
    return _WIDE.divide(quantity, Decimal(package["divide_by"])).to_integral_value(rounding)


def _volume(tiers: list[Object], quantity: Decimal) -> list[Share]:
    """The whole quantity at the price of the tier that it ends in."""
    for number, tier in enumerate(tiers, start=1):
        if tier["up_to"] is None or quantity <= tier["up_to"]:
            return _tier_shares(number, tier, quantity)
    raise AssertionError("a price without a last tier was accepted")


def _graduated(tiers: list[Object], quantity: Decimal) -> list[Share]:
    """Each tier's part at its own price; the flats of all reached tiers add up, the first one's at zero usage too."""
    shares: list[Share] = []
    left, below = quantity, 0
    for number, tier in enumerate(tiers, start=1):
        if number > 1 and left <= 0:
            break
        room = left if tier["up_to"] is None else Decimal(tier["up_to"] - below)
        shares += _tier_shares(number, tier, min(left, room))
        left -= min(left, room)
        below = tier["up_to"] or below
    return shares


def _tier_shares(number: int, tier: Object, quantity: Decimal) -> list[Share]:
    at = _decimal(tier["unit_amount_decimal"])
    shares = [Share(quantity, round_minor(_WIDE.multiply(quantity, at)), at, number)]
    if tier["flat_amount_decimal"] is not None:
        flat = _decimal(tier["flat_amount_decimal"])
        shares.append(Share(_ZERO, round_minor(flat), flat, number, True))
    return shares


def shown(amount: Decimal, currency: str) -> str:
    """An amount of minor units as Stripe writes it in a line's description: `$0.036`, else `0.5 KWD`."""
    exponent = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    text = format(amount.scaleb(-exponent, _WIDE), "f")
    whole, _, decimals = text.partition(".")
    decimals = decimals.rstrip("0").ljust(exponent, "0")
    text = f"{whole}.{decimals}" if decimals else whole
    return f"${text}" if currency == "usd" else f"{text} {currency.upper()}"
