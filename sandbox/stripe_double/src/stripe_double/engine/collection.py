"""Collecting finalized invoices: charge, pay, retry, give up."""

from stripe_double.engine.cards import UNAUTHENTICATED, charge_refusal
from stripe_double.engine.invoices import finalize
from stripe_double.errors import card_code, card_declined, invalid
from stripe_double.ids import new_id
from stripe_double.store import Object
from stripe_double.work import Work

# Days after each failed attempt until the next; when they are used up the subscription is canceled.
RETRY_AFTER_DAYS = (3, 5, 7)


def payment_method_for(work: Work, invoice: Object, chosen: str | None = None) -> Object | None:
    """Whose card is charged: the request's, the invoice's, the subscription's, the customer's."""
    subscription = subscription_of(work, invoice)
    customer = work.require("customer", invoice["customer"])
    for method_id in (
        chosen,
        invoice["default_payment_method"],
        subscription and subscription["default_payment_method"],
        customer["invoice_settings"]["default_payment_method"],
    ):
        if method_id:
            return work.require("payment_method", method_id, "payment_method")
    return None


def subscription_of(work: Work, invoice: Object) -> Object | None:
    """The subscription that an invoice belongs to."""
    details = (invoice["parent"] or {}).get("subscription_details")
    return work.get(details["subscription"]) if details else None


def advance(work: Work, invoice: Object) -> None:
    """What Stripe does by itself with a due invoice: finalize a draft, then try to collect."""
    if invoice["status"] == "draft":
        finalize(work, invoice)
    if invoice["status"] == "open":
        collect(work, invoice)


Refusal = tuple[str, str]


def collect(work: Work, invoice: Object, *, on_session: bool = False) -> Refusal | None:
    """One automatic attempt; a failure schedules the next. Returns the bank's refusal."""
    if invoice["amount_due"] <= 0:
        mark_paid(work, invoice)
        return None
    method = payment_method_for(work, invoice)
    if method is None:
        refusal: Refusal | None = ("no_payment_method", "There is no payment method.")
    else:
        refusal = charge_refusal(method, on_session=on_session)
    if refusal is None and method is not None:
        charge(work, invoice, method)
        return None
    _record_failure(work, invoice, method, refusal or UNAUTHENTICATED)
    return refusal


def pay(
    work: Work, invoice: Object, *, chosen: str | None = None, out_of_band: bool = False, on_session: bool = False
) -> None:
    """An explicit attempt, which answers with the bank's refusal. A draft is finalized first."""
    if invoice["status"] == "draft":
        finalize(work, invoice)
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(f"You can only pay an open invoice. This one is {invoice['status']}.")
    if out_of_band or invoice["amount_due"] <= 0:
        mark_paid(work, invoice)
        return
    method = payment_method_for(work, invoice, chosen)
    if method is None:
        raise invalid(
            "There is no `default_payment_method` set on this Customer or Invoice. Please set a"
            " `default_payment_method` prior to paying the invoice."
        )
    refusal = charge_refusal(method, on_session=on_session)
    if refusal is not None:
        raise card_declined(refusal[1], refusal[0])
    charge(work, invoice, method)


def charge(work: Work, invoice: Object, method: Object) -> None:
    """Take the money: payment intent, charge, invoice payment."""
    amount = invoice["amount_due"]
    intent = _intent(work, invoice, method)
    taken = _charge_object(work, intent, method, "succeeded")
    intent |= {
        "amount_received": amount,
        "last_payment_error": None,
        "latest_charge": taken["id"],
        "status": "succeeded",
    }
    work.save(intent)
    work.save(taken)
    work.emit("payment_intent.succeeded", intent)
    work.emit("charge.succeeded", taken)
    payment = next(one for one in invoice["_payments"]["data"] if one["payment"]["payment_intent"] == intent["id"])
    payment |= {"amount_paid": amount, "status": "paid"}
    payment["status_transitions"]["paid_at"] = work.second
    work.save(payment)
    invoice["attempted"] = True
    invoice["attempt_count"] += 1
    mark_paid(work, invoice)


def _intent(work: Work, invoice: Object, method: Object | None) -> Object:
    """The invoice's one payment intent, with the card that is tried now; made, with its invoice payment, at first."""
    known = work.get(invoice.get("_intent") or "")
    if known is not None:
        known |= {"payment_method": method and method["id"]}
        return known
    amount = invoice["amount_due"]
    intent = work.new(
        "payment_intent",
        "pi",
        {
            "amount": amount,
            "amount_received": 0,
            "currency": invoice["currency"],
            "customer": invoice["customer"],
            "payment_method": method and method["id"],
            "status": "requires_payment_method",
            "capture_method": "automatic",
            "confirmation_method": "automatic",
            "client_secret": None,
            "last_payment_error": None,
            "latest_charge": None,
            "next_action": None,
        },
    )
    payment = {
        "id": new_id("inpay"),
        "object": "invoice_payment",
        "amount_paid": 0,
        "amount_requested": amount,
        "created": work.second,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"type": "payment_intent", "payment_intent": intent["id"]},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }
    work.save(payment)
    invoice["_payments"]["data"].append(payment)
    invoice["_intent"] = intent["id"]
    return work.save(intent)


def _charge_object(work: Work, intent: Object, method: Object, status: str) -> Object:
    paid = status == "succeeded"
    return work.new(
        "charge",
        "ch",
        {
            "amount": intent["amount"],
            "amount_captured": intent["amount"] if paid else 0,
            "amount_refunded": 0,
            "captured": paid,
            "currency": intent["currency"],
            "customer": intent["customer"],
            "failure_code": None,
            "failure_message": None,
            "paid": paid,
            "payment_intent": intent["id"],
            "payment_method": method["id"],
            "refunded": False,
            "status": status,
        },
    )


def mark_paid(work: Work, invoice: Object) -> None:
    """Open to paid, and the subscription is live again."""
    invoice |= {
        "status": "paid",
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "attempted": True,
        "auto_advance": False,
        "next_payment_attempt": None,
        "_due_at": None,
    }
    invoice["status_transitions"]["paid_at"] = work.second
    work.save(invoice)
    work.emit("invoice.paid", invoice)
    work.emit("invoice.payment_succeeded", invoice)
    _set_delinquent(work, invoice["customer"], False)
    subscription = subscription_of(work, invoice)
    if subscription and subscription["status"] in ("past_due", "unpaid", "incomplete"):
        change_status(work, subscription, "active")


def change_status(work: Work, subscription: Object, status: str) -> None:
    """A subscription's new status, announced."""
    previous = subscription["status"]
    subscription["status"] = status
    work.save(subscription)
    work.emit("customer.subscription.updated", subscription, {"status": previous})


def _record_failure(work: Work, invoice: Object, method: Object | None, refusal: Refusal) -> None:
    _record_refusal(work, invoice, method, refusal)
    invoice["attempted"] = True
    invoice["attempt_count"] += 1
    attempts = invoice["attempt_count"]
    again = attempts <= len(RETRY_AFTER_DAYS)
    invoice["next_payment_attempt"] = work.second + RETRY_AFTER_DAYS[attempts - 1] * 86_400 if again else None
    invoice["_due_at"] = invoice["next_payment_attempt"] if invoice["auto_advance"] else None
    work.save(invoice)
    work.emit("invoice.payment_failed", invoice)
    if refusal == UNAUTHENTICATED:
        work.emit("invoice.payment_action_required", invoice)
    subscription = subscription_of(work, invoice)
    if subscription is None:
        return
    if subscription["status"] == "active":
        change_status(work, subscription, "past_due")
    elif not again and subscription["status"] == "past_due":
        end_unpaid(work, subscription)


def _record_refusal(work: Work, invoice: Object, method: Object | None, refusal: Refusal) -> None:
    """What the payment intent, a failed charge and the customer say of it."""
    code, message = refusal
    intent = _intent(work, invoice, method)
    intent |= {
        "status": "requires_action" if refusal == UNAUTHENTICATED else "requires_payment_method",
        "last_payment_error": {
            "type": "card_error" if method else "invalid_request_error",
            "code": card_code(code),
            "decline_code": code,
            "message": message,
            "payment_method": method and work.public(method),
        },
    }
    work.save(intent)
    if method is not None:
        failed = _charge_object(work, intent, method, "failed")
        failed |= {"failure_code": card_code(code), "failure_message": message}
        work.save(failed)
        work.emit("charge.failed", failed)
    work.emit("payment_intent.payment_failed", intent)
    _set_delinquent(work, invoice["customer"], True)


def _set_delinquent(work: Work, customer_id: str, value: bool) -> None:
    customer = work.get(customer_id)
    if customer is None or customer.get("deleted") or customer["delinquent"] == value:
        return
    customer["delinquent"] = value
    work.save(customer)
    work.emit("customer.updated", customer, {"delinquent": not value})


def end_unpaid(work: Work, subscription: Object) -> None:
    """The retries are over: canceled, or unpaid when the account says so."""
    if work.account.get("_after_retries") == "unpaid":
        change_status(work, subscription, "unpaid")
        return
    subscription |= {"status": "canceled", "canceled_at": work.second, "ended_at": work.second, "_due_at": None}
    subscription["cancellation_details"]["reason"] = "payment_failed"
    work.save(subscription)
    work.emit("customer.subscription.deleted", subscription)
