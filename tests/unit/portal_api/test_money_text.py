"""Amounts for people: the currency's digits are Stripe's, the rest is the language's."""

from decimal import Decimal

import pytest

from portal_api.http.money_text import count, exact_money, money


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (200, "usd", "$2.00"),
        (-150, "usd", "-$1.50"),
        (12_345_678, "eur", "€123,456.78"),
        (200, "jpy", "¥200"),
        (1234, "kwd", "KWD\u00a01.234"),
        # CLDR writes these without decimals; Stripe charges them with two.
        (150, "huf", "HUF\u00a01.50"),
        (100, "isk", "ISK\u00a01.00"),
    ],
)
def test_what_is_charged(amount: int, currency: str, text: str) -> None:
    assert money(amount, currency) == text


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("2", "usd", "$0.02"),
        ("0.5", "usd", "$0.005"),
        ("0.000000000001", "usd", "$0.00000000000001"),
        ("12.5", "jpy", "¥12.5"),
        ("0.123456789012", "kwd", "KWD\u00a00.000123456789012"),
        ("0", "usd", "$0.00"),
    ],
)
def test_prices_keep_every_digit(amount: str, currency: str, text: str) -> None:
    assert exact_money(Decimal(amount), currency) == text


def test_other_languages() -> None:
    assert money(123_456, "eur", "de") == "1.234,56\u00a0€"
    assert count(1_234_567) == "1,234,567"
