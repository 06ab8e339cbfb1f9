"""The API's operations, a module per resource."""

from stripe_double.request.operations import Operation
from stripe_double.resources import (
    accounts,
    billing_portal,
    checkout_sessions,
    customers,
    events,
    invoice_actions,
    invoice_items,
    invoices,
    meter_events,
    meters,
    payment_methods,
    payments,
    prices,
    products,
    setup_intents,
    subscriptions,
    webhook_endpoints,
)

OPERATIONS: tuple[Operation, ...] = (
    *accounts.OPERATIONS,
    *billing_portal.OPERATIONS,
    *checkout_sessions.OPERATIONS,
    *customers.OPERATIONS,
    *events.OPERATIONS,
    *invoice_actions.OPERATIONS,
    *invoice_items.OPERATIONS,
    *invoices.OPERATIONS,
    *meter_events.OPERATIONS,
    *meters.OPERATIONS,
    *payment_methods.OPERATIONS,
    *payments.OPERATIONS,
    *prices.OPERATIONS,
    *products.OPERATIONS,
    *setup_intents.OPERATIONS,
    *subscriptions.OPERATIONS,
    *webhook_endpoints.OPERATIONS,
)
