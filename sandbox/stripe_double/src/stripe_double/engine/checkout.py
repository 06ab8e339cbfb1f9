"""Completing a Checkout session: card, customer, subscription, first invoice, events."""

import datetime

from stripe_double.clock import utc
from stripe_double.engine import subscriptions
from stripe_double.engine.cards import CARDS, attach, new_payment_method
from stripe_double.errors import StripeError, card_declined, invalid
from stripe_double.resources.customers import new_customer
from stripe_double.store import Object
from stripe_double.work import Work

DAY_SECONDS = 86_400


def complete(work: Work, session: Object, *, email: str, number: str, expiry: str, cvc: str) -> None:
    """All of it, or a refusal to show on the page."""
    if session["status"] != "open":
        raise invalid("This Checkout Session is not open any more.")
    digits = number.replace(" ", "").replace("-", "")
    card = CARDS.get(digits)
    if card is None:
        raise StripeError(402, "Your card number is invalid.", kind="card_error", code="invalid_number")
    month, year = _expiry(work, expiry)
    if not (cvc.isdigit() and len(cvc) in (3, 4)):
        raise StripeError(402, "Your card's security code is incomplete.", kind="card_error", code="invalid_cvc")
    if card.refusal is not None:
        raise card_declined(card.refusal[1], card.refusal[0])
    customer = _customer(work, session, email)
    method = new_payment_method(work, card, exp_month=month, exp_year=year, email=email)
    attach(work, method, customer["id"])
    data = session["_subscription_data"]
    trial_end = data.get("trial_end")
    if "trial_period_days" in data:
        trial_end = work.second + data["trial_period_days"] * DAY_SECONDS
    subscription = subscriptions.new_subscription(
        work,
        customer,
        session["_items"],
        {
            "default_payment_method": method["id"],
            "metadata": data.get("metadata", {}),
            "description": data.get("description"),
            "trial_end": trial_end,
        },
    )
    subscriptions.start(work, subscription, must_pay=True)
    _close(work, session, customer, subscription, email)


def _expiry(work: Work, expiry: str) -> tuple[int, int]:
    month, _, year = expiry.replace(" ", "").partition("/")
    if not (month.isdigit() and year.isdigit() and 1 <= int(month) <= 12):
        raise StripeError(
            402, "Your card's expiration date is incomplete.", kind="card_error", code="invalid_expiry_month"
        )
    full_year = int(year) + (2000 if int(year) < 100 else 0)
    now: datetime.datetime = utc(work.now)
    if (full_year, int(month)) < (now.year, now.month):
        raise StripeError(
            402, "Your card's expiration year is in the past.", kind="card_error", code="invalid_expiry_year"
        )
    return int(month), full_year


def _customer(work: Work, session: Object, email: str) -> Object:
    if session["customer"] is not None:
        return work.require("customer", session["customer"])
    customer = work.save(new_customer(work, {"email": email}))
    work.emit("customer.created", customer)
    return customer


def _close(work: Work, session: Object, customer: Object, subscription: Object, email: str) -> None:
    # Nothing is due now when the plan is metered only or starts with a trial.
    paid_now = session["amount_total"] > 0
    session |= {
        "status": "complete",
        "payment_status": "paid" if paid_now else "no_payment_required",
        "customer": customer["id"],
        "customer_details": {
            "address": None,
            "email": email,
            "name": customer["name"],
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": [],
        },
        "subscription": subscription["id"],
        "invoice": subscription["latest_invoice"],
        "url": None,
        "_due_at": None,
    }
    work.save(session)
    work.emit("checkout.session.completed", session)
