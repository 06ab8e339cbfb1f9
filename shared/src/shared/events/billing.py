"""Orders to billing-sync and what it heard from Stripe (`billing.commands`, `billing.events`)."""

from datetime import datetime
from decimal import Decimal
from typing import Literal, TypeAlias

import msgspec

from shared.events.envelope import Event

InvoiceStatus = Literal["draft", "open", "paid", "uncollectible", "void"]


class StripeConnectRequested(Event, frozen=True, kw_only=True, tag="stripe.connect_requested.v1"):
    """The keys a provider entered; the secret one sealed to billing-sync's public key (X25519 sealed box, base64)."""

    organization_id: str
    connection_id: str
    sealed_secret_key: str
    publishable_key: str
    user_id: str


class StripeDisconnectRequested(Event, frozen=True, kw_only=True, tag="stripe.disconnect_requested.v1"):
    """Forget the organization's Stripe keys."""

    organization_id: str
    user_id: str


class BillingPortalRequested(Event, frozen=True, kw_only=True, tag="billing_portal.requested.v1"):
    """A developer wants Stripe's page for a subscription: card, invoices, cancellation."""

    request_id: str
    organization_id: str
    subscription_id: str
    user_id: str
    return_url: str
    requested_at: datetime


BillingCommand: TypeAlias = StripeConnectRequested | StripeDisconnectRequested | BillingPortalRequested


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """One check on saved keys: `ok`, `warning` (usable) or `failed`, with a sentence that says what to do."""

    name: str
    outcome: Literal["ok", "warning", "failed", "unknown"]
    detail: str


class StripeConnected(Event, frozen=True, kw_only=True, tag="stripe.connected.v1"):
    """The keys work; `charges_enabled` None = could not be read (restricted key)."""

    organization_id: str
    connection_id: str
    account_id: str
    livemode: bool
    charges_enabled: bool | None
    publishable_key: str
    checks: tuple[CheckResult, ...]


class StripeRefused(Event, frozen=True, kw_only=True, tag="stripe.refused.v1"):
    """The keys do not work; nothing was stored. `problem` is a problem type's name."""

    organization_id: str
    connection_id: str
    problem: str
    detail: str
    checks: tuple[CheckResult, ...]


class StripeDisconnected(Event, frozen=True, kw_only=True, tag="stripe.disconnected.v1"):
    """The organization's keys are gone."""

    organization_id: str


class CheckoutOpened(Event, frozen=True, kw_only=True, tag="checkout.opened.v1"):
    """Where the developer pays."""

    subscription_id: str
    session_id: str
    url: str
    expires_at: datetime


class CheckoutRefused(Event, frozen=True, kw_only=True, tag="checkout.refused.v1"):
    """Checkout cannot be opened, with Stripe's own reason made a sentence."""

    subscription_id: str
    problem: str
    detail: str


class CheckoutCompleted(Event, frozen=True, kw_only=True, tag="checkout.completed.v1"):
    """The session is `complete`; the subscription's state follows as SubscriptionUpdated."""

    subscription_id: str
    session_id: str
    payment_status: Literal["paid", "no_payment_required", "unpaid"]


class CheckoutExpired(Event, frozen=True, kw_only=True, tag="checkout.expired.v1"):
    """Nobody paid in time, or the session was withdrawn."""

    subscription_id: str
    session_id: str


class BillingPortalOpened(Event, frozen=True, kw_only=True, tag="billing_portal.opened.v1"):
    """Where the developer goes. The address lets in whoever has it: it is shown to its developer only, and expires."""

    request_id: str
    subscription_id: str
    url: str


class BillingPortalRefused(Event, frozen=True, kw_only=True, tag="billing_portal.refused.v1"):
    """There is no such page for this subscription now. `problem` is a problem type's name."""

    request_id: str
    subscription_id: str
    problem: str
    detail: str


class StripeSubscriptionUpdated(Event, frozen=True, kw_only=True, tag="stripe.subscription_updated.v1"):
    """Stripe's whole present state of a subscription, fetched, never a webhook's payload.

    `observed` grows per subscription: an older observation is ignored.
    """

    subscription_id: str
    stripe_subscription_id: str
    status: Literal[
        "incomplete", "incomplete_expired", "trialing", "active", "past_due", "unpaid", "canceled", "paused"
    ]
    observed: int
    current_period_start: datetime
    current_period_end: datetime
    cancel_at_period_end: bool
    cancel_at: datetime | None = None
    canceled_at: datetime | None = None
    ended_at: datetime | None = None


class StripeSubscriptionClosed(Event, frozen=True, kw_only=True, tag="stripe.subscription_closed.v1"):
    """A cancellation is done: deleted at Stripe, and the final invoice, if any, equals the ledger (`verified`)."""

    subscription_id: str
    ended_at: datetime
    verified: bool
    reported_units: int
    final_invoice_id: str | None = None


class InvoiceLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an invoice. `quantity` in units; the amount in minor units."""

    description: str
    quantity: int
    amount_minor: int
    period_start: datetime
    period_end: datetime
    unit_amount_decimal: Decimal | None = None


class InvoiceUpdated(Event, frozen=True, kw_only=True, tag="invoice.updated.v1"):
    """A mirrored invoice as it is at Stripe now. `observed` grows per invoice."""

    invoice_id: str
    organization_id: str
    developer_id: str
    subscription_id: str | None
    observed: int
    status: InvoiceStatus
    currency: str
    total_minor: int
    amount_due_minor: int
    amount_paid_minor: int
    created_at: datetime
    period_start: datetime
    period_end: datetime
    lines: tuple[InvoiceLine, ...]
    number: str | None = None
    billing_reason: str | None = None
    hosted_invoice_url: str | None = None
    invoice_pdf: str | None = None
    paid_at: datetime | None = None


class UsageReported(Event, frozen=True, kw_only=True, tag="usage.reported.v1"):
    """How many units Stripe has been told of a period, and how many windows say; equal once nothing is open."""

    subscription_id: str
    period_start: datetime
    counted_units: int
    reported_units: int


class MeterEventRefused(Event, frozen=True, kw_only=True, tag="meter_event.refused.v1"):
    """Stripe will not take a meter event: visible, replayable, never silence."""

    subscription_id: str
    identifier: str
    units: int
    reason: str


BillingEvent: TypeAlias = (
    StripeConnected
    | StripeRefused
    | StripeDisconnected
    | CheckoutOpened
    | CheckoutRefused
    | CheckoutCompleted
    | CheckoutExpired
    | BillingPortalOpened
    | BillingPortalRefused
    | StripeSubscriptionUpdated
    | StripeSubscriptionClosed
    | InvoiceUpdated
    | UsageReported
    | MeterEventRefused
)
