"""Currencies as Stripe counts them (docs.stripe.com/currencies), and amounts that keep every digit."""

from decimal import Decimal

import pytest

from shared.money import charge_step, exponent, parse_unit_amount, plain, round_minor, to_major

ZERO = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
THREE = "bhd jod kwd omr tnd"
TWO = "usd eur gbp huf twd isk ugx idr inr"


def test_decimal_places() -> None:
    assert {exponent(code) for code in ZERO.split()} == {0}
    assert {exponent(code) for code in THREE.split()} == {3}
    assert {exponent(code) for code in TWO.split()} == {2}
    assert (exponent("JPY"), exponent("KWD")) == (0, 3)


def test_what_can_be_charged() -> None:
    assert {charge_step(code) for code in THREE.split()} == {10}
    assert [charge_step(code) for code in ("isk", "ugx", "UGX", "KWD")] == [100, 100, 100, 10]
    assert {charge_step(code) for code in ("usd", "jpy", "huf", "twd")} == {1}


@pytest.mark.parametrize(
    ("amount", "whole"),
    [("0", 0), ("0.499999999999", 0), ("0.5", 1), ("1.5", 2), ("2.5", 3), ("111.6", 112), (f"{10**40}.5", 10**40 + 1)],
)
def test_half_up(amount: str, whole: int) -> None:
    assert round_minor(Decimal(amount)) == whole


@pytest.mark.parametrize(
    ("amount", "text"),
    [("1E-7", "0.0000001"), ("1E+3", "1000"), ("2.50", "2.5"), ("2.00", "2"), ("100", "100"), ("0", "0")],
)
def test_plain_text(amount: str, text: str) -> None:
    assert plain(Decimal(amount)) == text


def test_major_units() -> None:
    assert to_major(200, "usd") == Decimal("2.00")
    assert to_major(200, "jpy") == Decimal(200)
    assert to_major(1234, "kwd") == Decimal("1.234")
    exact = Decimal("123456789012345678901234567890.123456789012")
    assert (
        to_major(exact, "usd") * 100 - exact == 0 or to_major(exact, "usd").as_tuple().digits == exact.as_tuple().digits
    )


@pytest.mark.parametrize("text", ["0", "2", "0.05", "00.5", "99999999", "0.123456789012", "1" * 40])
def test_an_amount_is_read(text: str) -> None:
    assert parse_unit_amount(text) == Decimal(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "plain decimal"),
        ("1" * 41, "plain decimal"),
        ("-1", "plain decimal"),
        ("+1", "plain decimal"),
        ("1e3", "plain decimal"),
        ("1.2.3", "plain decimal"),
        ("1,5", "plain decimal"),
        (" 1", "plain decimal"),
        ("NaN", "plain decimal"),
        ("١", "plain decimal"),
        (".5", "digit before"),
        ("0.1234567890123", "has 13 decimals; at most 12"),
    ],
)
def test_what_is_no_amount(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        parse_unit_amount(text)
