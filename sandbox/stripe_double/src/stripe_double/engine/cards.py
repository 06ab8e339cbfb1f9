"""Stripe's test cards and tokens, and what becomes of them."""

import dataclasses

from stripe_double.store import Object
from stripe_double.work import Work


@dataclasses.dataclass(frozen=True, slots=True)
class Card:
    """A test card. `refusal` is said when it is attached, `charge_refusal` only when it is charged."""

    number: str
    brand: str = "visa"
    refusal: tuple[str, str] | None = None
    charge_refusal: tuple[str, str] | None = None


_DECLINED = ("generic_decline", "Your card was declined.")
CARDS = {
    card.number: card
    for card in (
        Card("4242424242424242"),
        Card("5555555555554444", brand="mastercard"),
        Card("378282246310005", brand="amex"),
        Card("4000000000000341", charge_refusal=_DECLINED),
        Card("4000000000000002", refusal=_DECLINED),
        Card("4000000000009995", refusal=("insufficient_funds", "Your card has insufficient funds.")),
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


def charge_refusal(method: Object) -> tuple[str, str] | None:
    """The decline code and message with which the bank refuses a charge, if it does."""
    card = CARDS[method["_number"]]
    return card.refusal or card.charge_refusal
