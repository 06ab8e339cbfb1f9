"""The calls of Stripe's customer portal, as the SDK's services take them."""

from collections.abc import Awaitable, Mapping
from typing import Any

METADATA: Mapping[str, str] = {"tollway_portal": "1"}


def list_configurations(v1: Any) -> Awaitable[Any]:
    """All that are active."""
    request: Awaitable[Any] = v1.billing_portal.configurations.list_async({"active": True, "limit": 100})
    return request


def create_configuration(v1: Any, key: str) -> Awaitable[Any]:
    """Card, invoices, cancel at the period's end; no change of plan, which Tollway does itself."""
    features = {
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
    }
    params = {"features": features, "metadata": dict(METADATA)}
    request: Awaitable[Any] = v1.billing_portal.configurations.create_async(params, {"idempotency_key": key})
    return request


def open_session(v1: Any, customer_id: str, configuration_id: str, return_url: str, key: str) -> Awaitable[Any]:
    """A page for one customer."""
    params = {"customer": customer_id, "configuration": configuration_id, "return_url": return_url}
    request: Awaitable[Any] = v1.billing_portal.sessions.create_async(params, {"idempotency_key": key})
    return request
