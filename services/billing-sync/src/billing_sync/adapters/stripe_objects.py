"""Stripe's objects to our facts, by the field names of API version 2026-10-28 (no `invoice.subscription`)."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing_sync.domain import stripe_facts as f


def instant(seconds: Any) -> datetime:
    """Unix seconds to aware UTC."""
    return datetime.fromtimestamp(int(seconds), UTC)


def maybe_instant(seconds: Any) -> datetime | None:
    """The same for a field that may be null."""
    return None if seconds is None else instant(seconds)


def get(value: Any, *path: str) -> Any:
    """Follow a path; None where a part is absent or null (StripeObject has no `get` since v15)."""
    for name in path:
        if value is None or name not in value:
            return None
        value = value[name]
    return value


def object_id(value: Any) -> str | None:
    """An id, whether the field is expanded or not."""
    if value is None or isinstance(value, str):
        return value
    return str(value["id"])


def session_facts(session: Any) -> f.SessionFacts:
    """A Checkout Session."""
    return f.SessionFacts(
        session_id=session["id"],
        status=session["status"],
        payment_status=session["payment_status"],
        url=get(session, "url"),
        expires_at=instant(session["expires_at"]),
        client_reference_id=get(session, "client_reference_id"),
        subscription=object_id(get(session, "subscription")),
    )


def subscription_facts(subscription: Any) -> f.SubscriptionFacts:
    """A subscription; its period stands on its items."""
    item = subscription["items"]["data"][0]
    return f.SubscriptionFacts(
        stripe_subscription_id=subscription["id"],
        subscription_id=get(subscription, "metadata", "subscription_id"),
        status=subscription["status"],
        period_start=instant(item["current_period_start"]),
        period_end=instant(item["current_period_end"]),
        cancel_at_period_end=bool(get(subscription, "cancel_at_period_end")),
        cancel_at=maybe_instant(get(subscription, "cancel_at")),
        canceled_at=maybe_instant(get(subscription, "canceled_at")),
        ended_at=maybe_instant(get(subscription, "ended_at")),
        payment_method_id=object_id(get(subscription, "default_payment_method")),
    )


def line_facts(line: Any) -> f.LineFacts:
    """An invoice line."""
    unit_amount = get(line, "pricing", "unit_amount_decimal")
    return f.LineFacts(
        description=get(line, "description") or "",
        quantity=int(get(line, "quantity") or 0),
        amount_minor=int(line["amount"]),
        period_start=instant(line["period"]["start"]),
        period_end=instant(line["period"]["end"]),
        price_id=object_id(get(line, "pricing", "price_details", "price")),
        unit_amount_decimal=None if unit_amount is None else Decimal(str(unit_amount)),
    )


def invoice_facts(invoice: Any, lines: list[Any]) -> f.InvoiceFacts:
    """An invoice with all of its lines."""
    metadata = get(invoice, "metadata")
    return f.InvoiceFacts(
        invoice_id=invoice["id"],
        status=invoice["status"],
        currency=invoice["currency"],
        total_minor=int(invoice["total"]),
        amount_due_minor=int(invoice["amount_due"]),
        amount_paid_minor=int(invoice["amount_paid"]),
        created_at=instant(invoice["created"]),
        period_start=instant(invoice["period_start"]),
        period_end=instant(invoice["period_end"]),
        lines=tuple(line_facts(line) for line in lines),
        auto_advance=bool(get(invoice, "auto_advance")),
        stripe_subscription_id=object_id(get(invoice, "parent", "subscription_details", "subscription")),
        customer_id=object_id(get(invoice, "customer")),
        number=get(invoice, "number"),
        billing_reason=get(invoice, "billing_reason"),
        hosted_invoice_url=get(invoice, "hosted_invoice_url"),
        invoice_pdf=get(invoice, "invoice_pdf"),
        paid_at=maybe_instant(get(invoice, "status_transitions", "paid_at")),
        metadata=metadata.to_dict() if hasattr(metadata, "to_dict") else dict(metadata or {}),
        subscription_id=get(invoice, "parent", "subscription_details", "metadata", "subscription_id"),
    )


def account_facts(account: Any) -> f.AccountFacts:
    """The account of a key."""
    reason = get(account, "requirements", "disabled_reason")
    return f.AccountFacts(account["id"], bool(account["charges_enabled"]), reason)


def endpoint_facts(endpoint: Any) -> f.EndpointFacts:
    """A webhook endpoint."""
    return f.EndpointFacts(endpoint["id"], endpoint["url"], endpoint["status"] == "enabled", get(endpoint, "secret"))
