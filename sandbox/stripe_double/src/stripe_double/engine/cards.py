"""Stripe's test cards and tokens, and what becomes of them."""

import dataclasses
from typing import Literal

from stripe_double.clock import utc
from stripe_double.errors import StripeError, card_declined
from stripe_double.store import Object
from stripe_double.work import Work


@dataclasses.dataclass(frozen=True, slots=True)
class Card:
    """A test card. `refusal` is said when it is attached, `charge_refusal` only when it is charged.

    `challenge`: 3D Secure asks its owner when it is set up, or at every charge (which fails while nobody is there).
    """

    number: str
    brand: str = "visa"
    refusal: tuple[str, str] | None = None
    charge_refusal: tuple[str, str] | None = None
    challenge: Literal["", "setup", "always"] = ""


_DECLINED = ("generic_decline", "Your card was declined.")
_NO_FUNDS = ("insufficient_funds", "Your card has insufficient funds.")
UNAUTHENTICATED = ("authentication_required", "Your card was declined. This transaction requires authentication.")
CARDS = {
    card.number: card
    for card in (
        Card("4242424242424242"),
        Card("5555555555554444", brand="mastercard"),
        Card("378282246310005", brand="amex"),
        Card("4000000000000341", charge_refusal=_DECLINED),
        Card("4000000000000002", refusal=_DECLINED),
        Card("4000000000009995", refusal=_NO_FUNDS),
        Card("4000000000009987", refusal=("lost_card", "Your card was declined.")),
        Card("4000000000009979", refusal=("stolen_card", "Your card was declined.")),
        Card("4000000000000119", refusal=("processing_error", "An error occurred while processing your card.")),
        Card("4000002500003155", challenge="setup"),
        Card("4000002760003184", challenge="always"),
        Card("4000008260003178", challenge="setup", charge_refusal=_NO_FUNDS),
        Card("4000000000000069", refusal=("expired_card", "Your card has expired.")),
        Card("4000000000000127", refusal=("incorrect_cvc", "Your card's security code is incorrect.")),
    )
}
TOKENS = {
    "tok_visa": "4242424242424242",
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "tok_chargeCustomerFail": "4000000000000341",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_authenticationRequiredOnSetup": "4000002500003155",
}


def new_payment_method(work: Work, card: Card, *, exp_month: int, exp_year: int, email: str | None = None) -> Object:
    """A payment method of a test card, attached to nobody yet."""
    return work.new(
        "payment_method",
        "pm",
        {
            "type": "card",
            "customer": None,
            "allow_redisplay": "unspecified",
            "billing_details": {"address": None, "email": email, "name": None, "phone": None},
            "card": {
                "brand": card.brand,
                "country": "US",
                "display_brand": card.brand,
                "exp_month": exp_month,
                "exp_year": exp_year,
                "funding": "credit",
                "last4": card.number[-4:],
            },
            "_number": card.number,
        },
    )


def attach(work: Work, method: Object, customer: str) -> Object:
    """Give a payment method to a customer, for good: a PaymentMethod belongs to one customer."""
    method["customer"] = customer
    work.save(method)
    work.emit("payment_method.attached", method)
    return method


def card_of(number: str) -> Card:
    """The test card that somebody typed."""
    card = CARDS.get(number.replace(" ", "").replace("-", ""))
    if card is None:
        raise StripeError(402, "Your card number is invalid.", kind="card_error", code="invalid_number")
    return card


def check_typed(work: Work, *, number: str, expiry: str, cvc: str) -> tuple[Card, int, int]:
    """What a hosted page's form says, or a refusal to show on it: card, month, year."""
    card = card_of(number)
    month, year = _expiry(work, expiry)
    if not (cvc.isdigit() and len(cvc) in (3, 4)):
        raise StripeError(402, "Your card's security code is incomplete.", kind="card_error", code="invalid_cvc")
    if card.refusal is not None:
        raise card_declined(card.refusal[1], card.refusal[0])
    return card, month, year


def _expiry(work: Work, expiry: str) -> tuple[int, int]:
    month, _, year = expiry.replace(" ", "").partition("/")
    if not (month.isdigit() and year.isdigit() and 1 <= int(month) <= 12):
        raise StripeError(
            402, "Your card's expiration date is incomplete.", kind="card_error", code="invalid_expiry_month"
        )
    full_year = int(year) + (2000 if int(year) < 100 else 0)
    now = utc(work.now)
    if (full_year, int(month)) < (now.year, now.month):
        raise StripeError(
            402, "Your card's expiration year is in the past.", kind="card_error", code="invalid_expiry_year"
        )
    return int(month), full_year


def charge_refusal(method: Object, *, on_session: bool) -> tuple[str, str] | None:
    """The decline code and message with which the bank refuses a charge, if it does. On session: its owner is there."""
    card = CARDS[method["_number"]]
    if card.challenge == "always" and not on_session:
        return UNAUTHENTICATED
    return card.refusal or card.charge_refusal
