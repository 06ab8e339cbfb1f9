"""Money is an integer of minor units and a currency; a price may be a Decimal of minor units. Never a float."""

from decimal import ROUND_HALF_UP, Context, Decimal

# Source: docs.stripe.com/currencies (zero- and three-decimal currencies); everything else has two. Its list of
# zero-decimal currencies has ugx too, but its special cases say, and its API does, what is done here.
_ZERO_DECIMAL = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf")
)
_THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
_WHOLE_UNITS_ONLY = frozenset(("isk", "ugx"))

MAX_UNIT_AMOUNT_DECIMALS = 12
# Wide enough that no amount is rounded on its way: the default of 28 digits is less than 10**12 units x 20 digits.
EXACT = Context(prec=100)


def exponent(currency: str) -> int:
    """Decimal places of a currency's major unit: 2 for usd, 0 for jpy, 3 for kwd."""
    code = currency.lower()
    if code in _ZERO_DECIMAL:
        return 0
    return 3 if code in _THREE_DECIMAL else 2


def charge_step(currency: str) -> int:
    """Minor units in which Stripe charges: 10 for three-decimal currencies, 100 for isk and ugx, else 1.

    Invoices keep exact totals; Stripe rounds what is due and keeps the difference on the customer's balance. A fee must
    be a multiple: Checkout charges it as it is.
    """
    code = currency.lower()
    if code in _THREE_DECIMAL:
        return 10
    return 100 if code in _WHOLE_UNITS_ONLY else 1


def round_minor(amount: Decimal) -> int:
    """Half up, once, where Stripe rounds: on the line."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP, EXACT))


def plain(amount: Decimal) -> str:
    """A decimal without an exponent, as Stripe takes it: Decimal("1E-7") -> "0.0000001"."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def to_major(amount_minor: int | Decimal, currency: str) -> Decimal:
    """Minor units to major ones: (200, usd) -> Decimal("2.00")."""
    return EXACT.scaleb(Decimal(amount_minor), -exponent(currency))


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
