"""What a restricted key may do. Stripe has no introspection, so each right is tried, harmlessly.

A right to write is asked for by a request that cannot succeed (a required parameter is missing, or its object does not
exist): Stripe refuses it with 400 or 404 where the key may, with 403 where it may not. Nothing is ever made.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from billing_sync.domain.stripe_facts import Permanent, PermissionMissing

NOBODY = "tollway_permission_probe"
_NAMED = re.compile(r"'(?:rak_)?([a-z_]+_(?:read|write))'")
_NOTHING: Any = {}

Probe = Callable[[Any], Awaitable[Any]]

# Name: what the Dashboard calls it. A right to write includes the one to read.
PROBES: Mapping[str, Probe] = {
    "Products: write (product_write)": lambda v1: v1.products.create_async(_NOTHING),
    "Prices: write (plan_write)": lambda v1: v1.prices.create_async(_NOTHING),
    "Meters: write (billing_meter_write)": lambda v1: v1.billing.meters.create_async(_NOTHING),
    "Meter Events: write (billing_meter_event_write)": lambda v1: v1.billing.meter_events.create_async(_NOTHING),
    "Customers: write (customer_write)": lambda v1: v1.customers.update_async(f"cus_{NOBODY}", _NOTHING),
    "Checkout Sessions: write (checkout_session_write)": lambda v1: v1.checkout.sessions.expire_async(f"cs_{NOBODY}"),
    "Customer Portal: write (customer_portal_write)": lambda v1: v1.billing_portal.configurations.create_async(
        _NOTHING
    ),
    "Subscriptions: write (subscription_write)": lambda v1: v1.subscriptions.update_async(f"sub_{NOBODY}", _NOTHING),
    "Invoices: write (invoice_write)": lambda v1: v1.invoices.pay_async(f"in_{NOBODY}"),
    "Charges and Refunds: write (charge_write)": lambda v1: v1.refunds.create_async({"charge": f"ch_{NOBODY}"}),
    "Webhook Endpoints: write (webhook_write)": lambda v1: v1.webhook_endpoints.update_async(f"we_{NOBODY}", _NOTHING),
}


class Ask(Protocol):
    """One call, its failure translated."""

    async def __call__(self, call: str, request: Awaitable[Any]) -> Any: ...


async def missing_permissions(v1: Any, ask: Ask) -> list[str]:
    """The names of those that the key lacks, in the order of the Dashboard's list; as Stripe names them, if it does."""
    missing = []
    for name, probe in PROBES.items():
        try:
            await ask("probe", probe(v1))
        except PermissionMissing as error:
            named = _NAMED.search(error.message)
            known = named is None or named.group(1) in name
            missing.append(name if known else f"{name}; Stripe names it {named.group(1)}")  # type: ignore[union-attr]
        except Permanent:
            continue  # refused for what it lacks, not for what the key may not
    return missing
