"""The life of a subscription: start, renewal, trial's end, cancelling at once or at the period's end."""

import copy
from typing import Any

from stripe_double.engine import invoices
from stripe_double.engine.collection import collect
from stripe_double.engine.invoices import finalize, licensed_line, metered_lines, unused_time_line
from stripe_double.engine.items import drop_pending, pending_lines
from stripe_double.engine.periods import period_boundary
from stripe_double.errors import card_declined
from stripe_double.ids import new_id
from stripe_double.store import Object
from stripe_double.work import Work

LIVE = ("active", "trialing", "past_due", "unpaid")
INCOMPLETE_SECONDS = 23 * 3600


def is_metered(item: Object) -> bool:
    """Billed by usage, in arrears."""
    return bool(item["price"]["recurring"]["usage_type"] == "metered")


def new_subscription(work: Work, customer: Object, items: list[Object], more: dict[str, Any]) -> Object:
    """A subscription object with its first period; not saved, nothing billed yet."""
    recurring = items[0]["price"]["recurring"]
    trial_end = more.pop("trial_end", None)
    anchor = trial_end or work.second
    subscription = work.new(
        "subscription",
        "sub",
        {
            "application": None,
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": anchor,
            "billing_mode": {"type": "flexible", "flexible": {"proration_discounts": "included"}},
            "billing_schedules": [],
            "billing_thresholds": None,
            "cancel_at": None,
            "cancel_at_period_end": False,
            "canceled_at": None,
            "cancellation_details": {"comment": None, "feedback": None, "reason": None},
            "collection_method": "charge_automatically",
            "currency": items[0]["price"]["currency"],
            "customer": customer["id"],
            "days_until_due": None,
            "default_payment_method": None,
            "description": None,
            "discounts": [],
            "ended_at": None,
            "invoice_settings": {"issuer": {"type": "self"}},
            "latest_invoice": None,
            "pause_collection": None,
            "payment_settings": {"payment_method_options": None, "save_default_payment_method": "off"},
            "schedule": None,
            "start_date": work.second,
            "status": "trialing" if trial_end else "active",
            "trial_end": trial_end,
            "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
            "trial_start": work.second if trial_end else None,
            "_period_number": -1 if trial_end else 0,
            "_interval": [recurring["interval"], recurring["interval_count"]],
        }
        | more,
    )
    end = trial_end or period_boundary(anchor, recurring["interval"], recurring["interval_count"], 1)
    subscription["items"] = {
        "object": "list",
        "data": [_new_item(work, subscription, item, end) for item in items],
        "has_more": False,
        "total_count": len(items),
        "url": f"/v1/subscription_items?subscription={subscription['id']}",
    }
    schedule_next(subscription)
    return subscription


def _new_item(work: Work, subscription: Object, item: Object, end: int) -> Object:
    made: Object = {
        "id": new_id("si", 14),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": work.second,
        "current_period_start": work.second,
        "current_period_end": end,
        "discounts": [],
        "metadata": item.get("metadata", {}),
        "price": copy.deepcopy(item["price"]),
        "subscription": subscription["id"],
        "tax_rates": [],
    }
    if not is_metered(made):
        made["quantity"] = item.get("quantity", 1)
    return made


def schedule_next(subscription: Object) -> None:
    """When the engine must look at it next: its period's end, or an earlier scheduled end."""
    if subscription["status"] not in LIVE:
        return
    end = period(subscription)[1]
    subscription["_due_at"] = min(end, subscription["cancel_at"] or end)


def period(subscription: Object) -> tuple[int, int]:
    """The current billing period."""
    item = subscription["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def start(work: Work, subscription: Object, *, must_pay: bool, on_session: bool = False) -> None:
    """Save, announce, and bill what is due in advance. Flexible billing makes no empty first invoice."""
    customer = work.require("customer", subscription["customer"])
    trial = subscription["status"] == "trialing"
    begin, end = period(subscription)
    lines = [
        licensed_line(work, subscription, item, begin, end, free=trial)
        for item in subscription["items"]["data"]
        if not is_metered(item)
    ]
    lines += pending_lines(work, customer, subscription)
    work.save(subscription)
    if not lines:
        work.emit("customer.subscription.created", subscription)
        return
    invoice = invoices.new_invoice(
        work,
        customer,
        currency=subscription["currency"],
        billing_reason="subscription_create",
        lines=lines,
        period=(begin, begin),
        subscription=subscription,
    )
    drop_pending(work, lines)
    subscription["latest_invoice"] = invoice["id"]
    work.save(subscription)
    finalize(work, invoice)
    refusal = collect(work, invoice, on_session=on_session)
    if invoice["status"] != "paid":
        if must_pay and refusal is not None:
            raise card_declined(refusal[1], refusal[0])
        subscription |= {"status": "incomplete", "_due_at": work.second + INCOMPLETE_SECONDS}
        work.save(subscription)
    work.emit("customer.subscription.created", subscription)


def run_due(work: Work, subscription: Object) -> None:
    """What a subscription's due instant means."""
    begin, end = period(subscription)
    cancel_at = subscription["cancel_at"]
    if subscription["status"] == "incomplete":
        subscription |= {"status": "incomplete_expired", "ended_at": work.second, "_due_at": None}
        work.save(subscription)
        work.emit("customer.subscription.updated", subscription, {"status": "incomplete"})
    elif subscription["cancel_at_period_end"] or (cancel_at is not None and cancel_at <= work.second):
        _end(work, subscription, begin, min(end, cancel_at or end))
    else:
        _renew(work, subscription, begin, end)


def _renew(work: Work, subscription: Object, begin: int, end: int) -> None:
    """Close the period: usage in arrears and the next fee in advance on one draft, which waits its grace."""
    before = copy.deepcopy(subscription)
    customer = work.require("customer", subscription["customer"])
    was_trial = subscription["status"] == "trialing"
    subscription["_period_number"] += 1
    number = subscription["_period_number"]
    interval, interval_count = subscription["_interval"]
    next_end = period_boundary(subscription["billing_cycle_anchor"], interval, interval_count, number + 1)
    lines = []
    for item in subscription["items"]["data"]:
        item |= {"current_period_start": end, "current_period_end": next_end}
        if is_metered(item):
            lines += metered_lines(work, subscription, item, max(begin, item["created"]), end, free=was_trial)
        else:
            lines.append(licensed_line(work, subscription, item, end, next_end))
    lines += pending_lines(work, customer, subscription)
    if was_trial:
        subscription["status"] = "active"
    invoice = invoices.new_invoice(
        work,
        customer,
        currency=subscription["currency"],
        billing_reason="subscription_cycle",
        lines=lines,
        period=(begin, end),
        subscription=subscription,
        auto_advance=subscription["status"] != "unpaid",
    )
    drop_pending(work, lines)
    subscription["latest_invoice"] = invoice["id"]
    schedule_next(subscription)
    work.save(subscription)
    work.emit_update("customer.subscription.updated", before, subscription)


def _end(work: Work, subscription: Object, begin: int, end: int) -> None:
    """A scheduled end: the final invoice includes open usage and collects itself."""
    lines = [
        line
        for item in subscription["items"]["data"]
        if is_metered(item)
        for line in metered_lines(work, subscription, item, max(begin, item["created"]), end)
    ]
    subscription |= {"status": "canceled", "ended_at": work.second, "_due_at": None}
    subscription["canceled_at"] = subscription["canceled_at"] or work.second
    _bill_the_rest(work, subscription, lines, (begin, end))
    work.save(subscription)
    work.emit("customer.subscription.deleted", subscription)


def _bill_the_rest(work: Work, subscription: Object, lines: list[Object], span: tuple[int, int]) -> None:
    customer = work.require("customer", subscription["customer"])
    lines = lines + pending_lines(work, customer, subscription)
    if not lines:
        return
    invoice = invoices.new_invoice(
        work,
        customer,
        currency=subscription["currency"],
        billing_reason="subscription_cycle",
        lines=lines,
        period=span,
        subscription=subscription,
    )
    drop_pending(work, lines)
    subscription["latest_invoice"] = invoice["id"]


def cancel_now(work: Work, subscription: Object, *, invoice_now: bool, prorate: bool, details: Object) -> None:
    """Stripe's immediate cancellation: collection of everything open stops; only `invoice_now` bills open usage."""
    begin, _ = period(subscription)
    items = subscription["items"]["data"]
    trial = subscription["status"] == "trialing"
    for invoice in list(work.of_kind("invoice", subscription["customer"])):
        mine = (invoice["parent"] or {}).get("subscription_details", {}).get("subscription") == subscription["id"]
        if mine and invoice["status"] in ("draft", "open") and invoice["auto_advance"]:
            before = copy.deepcopy(invoice)
            invoices.set_auto_advance(work, invoice, False)
            invoice["next_payment_attempt"] = None
            work.save(invoice)
            work.emit_update("invoice.updated", before, invoice)
    subscription |= {
        "status": "canceled",
        "canceled_at": work.second,
        "ended_at": work.second,
        "cancel_at_period_end": False,
        "_due_at": None,
    }
    subscription["cancellation_details"] |= {"reason": "cancellation_requested"} | details
    unused = [unused_time_line(work, subscription, item, work.second) for item in items if not is_metered(item)]
    lines = unused if prorate and not trial else []
    if invoice_now:
        # The second of the cancellation itself still counts: whoever reported usage in it was in time.
        lines += [
            line
            for item in items
            if is_metered(item)
            for line in metered_lines(
                work, subscription, item, max(begin, item["created"]), work.second + 1, free=trial
            )
        ]
        _bill_the_rest(work, subscription, lines, (begin, work.second))
    work.save(subscription)
    work.emit("customer.subscription.deleted", subscription)
