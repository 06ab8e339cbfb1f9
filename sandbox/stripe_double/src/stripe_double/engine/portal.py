"""What a customer does on the billing portal and on the hosted invoice page."""

import copy

from stripe_double.engine import subscriptions
from stripe_double.engine.cards import attach, check_typed, new_payment_method
from stripe_double.engine.collection import pay
from stripe_double.errors import invalid
from stripe_double.store import Object
from stripe_double.work import Work


def cancel_subscription(work: Work, customer: str, subscription_id: str, mode: str) -> None:
    """At the period's end (flexible billing sets `cancel_at` and leaves `cancel_at_period_end` off) or at once."""
    subscription = _owned(work, customer, subscription_id)
    if mode == "immediately":
        subscriptions.cancel_now(work, subscription, invoice_now=False, prorate=False, details={})
        return
    before = copy.deepcopy(subscription)
    subscription |= {"cancel_at": subscriptions.period(subscription)[1], "canceled_at": work.second}
    subscription["cancellation_details"]["reason"] = "cancellation_requested"
    _changed(work, before, subscription)


def renew_subscription(work: Work, customer: str, subscription_id: str) -> None:
    """Take a scheduled end back."""
    subscription = _owned(work, customer, subscription_id)
    before = copy.deepcopy(subscription)
    subscription |= {"cancel_at": None, "cancel_at_period_end": False, "canceled_at": None}
    subscription["cancellation_details"]["reason"] = None
    _changed(work, before, subscription)


def _owned(work: Work, customer: str, subscription_id: str) -> Object:
    subscription = work.require("subscription", subscription_id)
    if subscription["customer"] != customer or subscription["status"] not in subscriptions.LIVE:
        raise invalid("This subscription cannot be changed any more.")
    return subscription


def _changed(work: Work, before: Object, subscription: Object) -> None:
    subscriptions.schedule_next(subscription)
    work.save(subscription)
    work.emit_update("customer.subscription.updated", before, subscription)


def update_payment_method(work: Work, customer_id: str, *, number: str, expiry: str, cvc: str) -> Object:
    """A new card becomes the default of the customer and of its live subscriptions."""
    card, month, year = check_typed(work, number=number, expiry=expiry, cvc=cvc)
    customer = work.require("customer", customer_id)
    method = new_payment_method(work, card, exp_month=month, exp_year=year, email=customer["email"])
    attach(work, method, customer_id)
    before = copy.deepcopy(customer)
    customer["invoice_settings"]["default_payment_method"] = method["id"]
    work.save(customer)
    work.emit_update("customer.updated", before, customer)
    for subscription in list(work.of_kind("subscription", customer_id)):
        if subscription["status"] in subscriptions.LIVE:
            previous = copy.deepcopy(subscription)
            subscription["default_payment_method"] = method["id"]
            _changed(work, previous, subscription)
    return method


def pay_invoice(work: Work, invoice: Object, *, number: str, expiry: str, cvc: str) -> None:
    """The hosted invoice page: another card, its owner present."""
    card, month, year = check_typed(work, number=number, expiry=expiry, cvc=cvc)
    customer = work.require("customer", invoice["customer"])
    method = new_payment_method(work, card, exp_month=month, exp_year=year, email=customer["email"])
    attach(work, method, customer["id"])
    pay(work, invoice, chosen=method["id"], on_session=True)
