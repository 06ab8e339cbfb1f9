"""Amounts for people, by the currency's and the language's rules (Babel); the digits are Stripe's, not CLDR's.

CLDR gives a few currencies other digits than Stripe charges them with (HUF, ISK, TWD: two at Stripe).
"""

from copy import copy
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.numbers import format_decimal, get_currency_symbol

from shared.money import MAX_UNIT_AMOUNT_DECIMALS, exponent, to_major

Language = Locale | str
DEFAULT_LOCALE = "en"


def money(amount_minor: int, currency: str, locale: Language = DEFAULT_LOCALE) -> str:
    """What is charged: (200, usd) -> `$2.00`, (200, jpy) -> `¥200`, (1234, kwd) -> `KWD 1.234`."""
    digits = exponent(currency)
    return _format(to_major(amount_minor, currency), currency, locale, digits, digits)


def exact_money(amount_minor: Decimal, currency: str, locale: Language = DEFAULT_LOCALE) -> str:
    """A price or an unrounded sum, with every digit that it has: (0.5, usd) -> `$0.005`."""
    digits = exponent(currency)
    return _format(to_major(amount_minor, currency), currency, locale, digits, digits + MAX_UNIT_AMOUNT_DECIMALS)


@lru_cache(maxsize=8192)
def count(number: int, locale: Language = DEFAULT_LOCALE) -> str:
    """A number of calls: 1234567 -> `1,234,567`."""
    return format_decimal(number, locale=locale)


@lru_cache(maxsize=8192)
def _format(amount: Decimal, currency: str, locale: Language, least: int, most: int) -> str:
    parsed = Locale.parse(locale)
    pattern = copy(parsed.currency_formats["standard"])
    pattern.frac_prec = (least, most)
    text: str = pattern.apply(amount, parsed, currency=currency.upper(), currency_digits=False)
    symbol = get_currency_symbol(currency.upper(), parsed)
    if symbol[-1].isalpha():
        # CLDR's currency spacing, which Babel leaves out: `KWD 1.234`, but `$1.23`.
        before, _, after = text.partition(symbol)
        if after[:1].isdigit():
            return f"{before}{symbol}\u00a0{after}"
    return text
