"""What a restricted key (`rk_...`) may do: a permission per resource, `_write` includes `_read`.

Names as in docs.stripe.com/keys/permissions-reference.
"""

import dataclasses

from stripe_double.errors import StripeError


@dataclasses.dataclass(frozen=True, slots=True)
class Resource:
    """A row of the Dashboard's list. `create_preview` and the like change nothing, but Stripe asks for write."""

    path: str
    name: str
    label: str


# The first row whose path begins the request's path decides.
RESOURCES = (
    Resource("/v1/accounts", "accounts_kyc_basic", "Accounts"),
    Resource("/v1/account", "accounts_kyc_basic", "Accounts"),
    Resource("/v1/billing/meter_event_adjustments", "billing_meter_event", "Meter Events"),
    Resource("/v1/billing/meter_events", "billing_meter_event", "Meter Events"),
    Resource("/v1/billing/meters", "billing_meter", "Meters"),
    Resource("/v1/billing_portal", "customer_portal", "Customer Portal"),
    Resource("/v1/charges", "charge", "Charges"),
    Resource("/v1/checkout/sessions", "checkout_session", "Checkout Sessions"),
    Resource("/v1/customers", "customer", "Customers"),
    Resource("/v1/events", "event", "Events"),
    Resource("/v1/invoice_payments", "invoice", "Invoices"),
    Resource("/v1/invoiceitems", "invoice", "Invoices"),
    Resource("/v1/invoices", "invoice", "Invoices"),
    Resource("/v1/payment_intents", "payment_intent", "PaymentIntents"),
    Resource("/v1/payment_methods", "payment_method", "PaymentMethods"),
    Resource("/v1/prices", "plan", "Prices"),
    Resource("/v1/products", "product", "Products"),
    Resource("/v1/refunds", "charge", "Charges and Refunds"),
    Resource("/v1/setup_intents", "setup_intent", "SetupIntents"),
    Resource("/v1/subscriptions", "subscription", "Subscriptions"),
    Resource("/v1/webhook_endpoints", "webhook", "Webhook Endpoints, Event Destinations"),
)
NAMES = frozenset(f"{resource.name}_{right}" for resource in RESOURCES for right in ("read", "write"))


def check_permission(permissions: frozenset[str], method: str, path: str, *, key: str, account_id: str) -> None:
    """Raises Stripe's 403, which names the account and the permission that is missing."""
    resource = next((one for one in RESOURCES if path == one.path or path.startswith(f"{one.path}/")), None)
    if resource is None or f"{resource.name}_write" in permissions:
        return
    right = "read" if method == "GET" else "write"
    wanted = f"{resource.name}_{right}"
    if wanted in permissions:
        return
    raise StripeError(
        403,
        f"The provided key '{key}' does not have the required permissions for this endpoint on account '{account_id}'."
        f" Enabling {resource.label} {right.capitalize()} ('{wanted}') permissions on this key would allow this request"
        f" to continue. You can edit permissions at https://dashboard.stripe.com/{account_id}/test/apikeys.",
        stored=False,
    )
