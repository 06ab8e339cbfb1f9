"""Money is an integer of minor units and a currency; a price may be a Decimal of minor units. Never a float."""

from decimal import ROUND_HALF_UP, Decimal

# Source: docs.stripe.com/currencies (zero- and three-decimal currencies); everything else has two.
_ZERO_DECIMAL = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf")
)
_THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))

MAX_UNIT_AMOUNT_DECIMALS = 12


def exponent(currency: str) -> int:
    """Decimal places of a currency's major unit: 2 for usd, 0 for jpy, 3 for kwd."""
    code = currency.lower()
    if code in _ZERO_DECIMAL:
        return 0
    return 3 if code in _THREE_DECIMAL else 2


def round_minor(amount: Decimal) -> int:
    """Half up, once, where Stripe rounds: on the line."""
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def plain(amount: Decimal) -> str:
    """A decimal without an exponent, as Stripe takes it: Decimal("1E-7") -> "0.0000001"."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def to_major(amount_minor: int | Decimal, currency: str) -> Decimal:
    """Minor units to major ones: (200, usd) -> Decimal("2.00")."""
    return Decimal(amount_minor).scaleb(-exponent(currency))


def parse_unit_amount(text: str) -> Decimal:
    """A `unit_amount_decimal`: minor units, at most 12 decimals, not negative. Raises ValueError with a sentence."""
    if not text or len(text) > 40 or any(c not in "0123456789." for c in text) or text.count(".") > 1:
        raise ValueError("must be a plain decimal number of minor units, for example 2 or 0.05")
    whole, _, decimals = text.partition(".")
    if not whole:
        raise ValueError("must have a digit before the decimal point")
    if len(decimals) > MAX_UNIT_AMOUNT_DECIMALS:
        raise ValueError(f"has {len(decimals)} decimals; at most {MAX_UNIT_AMOUNT_DECIMALS} are possible")
    return Decimal(text)
