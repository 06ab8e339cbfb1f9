"""What billing-sync remembers, as plain values; adapters/tables.py has a row for each."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Connection:
    """One try to connect an organization to Stripe. The sealed key is erased as soon as it has been checked."""

    connection_id: str
    organization_id: str
    sealed_secret_key: str
    publishable_key: str
    status: str  # waiting, connected, refused


@dataclass(frozen=True, slots=True)
class PortalRequest:
    """A developer's wish for Stripe's billing portal."""

    request_id: str
    organization_id: str
    subscription_id: str
    return_url: str
    status: str  # waiting, opened, refused


@dataclass(frozen=True, slots=True)
class Account:
    """An organization's Stripe account. Keys and secrets are ciphertext here."""

    organization_id: str
    connection_id: str
    account_id: str
    livemode: bool
    publishable_key: str
    secret_key: bytes
    status: str  # connected, disconnected
    webhook_endpoint_id: str | None = None
    webhook_secret: bytes | None = None


@dataclass(frozen=True, slots=True)
class Api:
    """What Stripe must know of an API: its Product's name."""

    api_id: str
    version: int
    number: int
    organization_id: str
    display_name: str
    version_label: str


@dataclass(frozen=True, slots=True)
class Developer:
    """What Stripe must know of a developer: the Customer's address."""

    developer_id: str
    version: int
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """A paid subscription: what the subscriptions service says, and what Stripe says, side by side.

    `observed` counts the changes seen at Stripe. A slot is taken from Checkout until `slot_freed`.
    """

    subscription_id: str
    version: int
    organization_id: str
    developer_id: str
    api_id: str
    plan_id: str
    plan_version_number: int
    status: str
    success_url: str
    cancel_url: str
    cancel_at_period_end: bool
    cancel_at: datetime | None = None
    access_ended_at: datetime | None = None
    account_id: str | None = None
    customer_id: str | None = None
    slot: int | None = None
    meter_id: str | None = None
    event_name: str | None = None
    usage_price_id: str | None = None
    session_id: str | None = None
    session_status: str | None = None
    payment_status: str | None = None
    checkout_refused: bool = False
    stripe_subscription_id: str | None = None
    stripe_status: str | None = None
    stripe_cancel_at_period_end: bool = False
    stripe_cancel_at: datetime | None = None
    stripe_canceled_at: datetime | None = None
    stripe_ended_at: datetime | None = None
    stripe_period_start: datetime | None = None
    stripe_period_end: datetime | None = None
    observed: int = 0
    refreshed_at: datetime | None = None
    slot_freed: bool = False

    @property
    def has_scheduled_end(self) -> bool:
        """Ours. Stripe's own portal schedules by date, and leaves `cancel_at_period_end` off."""
        return self.cancel_at_period_end or self.cancel_at is not None

    @property
    def has_scheduled_end_at_stripe(self) -> bool:
        """As Stripe was seen last."""
        return self.stripe_cancel_at_period_end or self.stripe_cancel_at is not None


@dataclass(frozen=True, slots=True)
class Period:
    """A billing period [start, end) of a subscription. `closed` = its invoice is final: later usage is late."""

    subscription_id: str
    period_start: datetime
    period_end: datetime
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Push:
    """A ledger row: one meter event. `units` never changes once the row is written.

    pending -> sent -> confirmed (the meter's summary agrees) | refused (visible, replayable).
    """

    subscription_id: str
    period_start: datetime
    push_number: int
    identifier: str
    organization_id: str
    customer_id: str
    meter_id: str
    event_name: str
    units: int
    stamped_at: datetime
    status: str
    attempts: int = 0
    first_tried_at: datetime | None = None  # business time
    first_tried_real_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Renewal:
    """The draft invoice of an ended period, until all of its usage is in."""

    invoice_id: str
    organization_id: str
    subscription_id: str
    period_start: datetime
    period_end: datetime
    step: str  # await_usage, await_summary, released, late
    held: bool
    started_at: datetime  # real time
    step_started_at: datetime  # real time


@dataclass(frozen=True, slots=True)
class Closing:
    """A cancellation that takes effect at once, step by step. `attempts` counts looks for the final invoice."""

    subscription_id: str
    ended_at: datetime  # business time T: no call was admitted from here on
    step: str  # await_usage, await_summary, delete, verify, finish, done
    started_at: datetime  # real time
    step_started_at: datetime  # real time
    attempts: int = 0
    final_invoice_id: str | None = None
    verified: bool = False
    expected_minor: int | None = None


@dataclass(frozen=True, slots=True)
class StripeEvent:
    """A webhook as received: verified and stored before anything is done with it."""

    organization_id: str
    event_id: str
    kind: str
    object_id: str
    payload: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class MirroredInvoice:
    """The last state of an invoice that was published; `digest` tells whether a fetched one differs."""

    invoice_id: str
    organization_id: str
    subscription_id: str | None
    observed: int
    status: str
    billing_reason: str | None
    digest: str
    paid_at: datetime | None
