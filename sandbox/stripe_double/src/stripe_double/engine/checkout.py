"""Completing a Checkout session: card, customer, subscription, first invoice, events."""

import dataclasses

from stripe_double.engine import subscriptions
from stripe_double.engine.cards import attach, check_typed, new_payment_method
from stripe_double.errors import invalid
from stripe_double.resources.customers import new_customer
from stripe_double.store import Object
from stripe_double.work import Work

DAY_SECONDS = 86_400


@dataclasses.dataclass(frozen=True, slots=True)
class Typed:
    """What the page's form says."""

    email: str
    number: str
    expiry: str
    cvc: str


def needs_challenge(work: Work, session: Object, typed: Typed) -> bool:
    """Whether 3D Secure asks the card's owner before anything else. Raises what the page must show."""
    check_open(session)
    card, _, _ = check_typed(work, number=typed.number, expiry=typed.expiry, cvc=typed.cvc)
    return card.challenge != ""


def check_open(session: Object) -> None:
    """Only an open page can be paid."""
    if session["status"] != "open":
        raise invalid("This Checkout Session is not open any more.")


def complete(work: Work, session: Object, typed: Typed) -> None:
    """All of it, or a refusal to show on the page."""
    check_open(session)
    card, month, year = check_typed(work, number=typed.number, expiry=typed.expiry, cvc=typed.cvc)
    customer = _customer(work, session, typed.email)
    method = new_payment_method(work, card, exp_month=month, exp_year=year, email=typed.email)
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
    subscriptions.start(work, subscription, must_pay=True, on_session=True)
    _close(work, session, customer, subscription, typed.email)


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
