"""What we read of Stripe's objects, and how a call to Stripe can fail. The one vocabulary between SDK and use cases."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


class Retryable(Exception):
    """Stripe could not be asked, or says "later": the same step is done again after a while."""

    def __init__(self, reason: str, *, after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.after_seconds = after_seconds


class Permanent(Exception):
    """Stripe refuses: the same request will be refused again. `message` is Stripe's own."""

    def __init__(self, message: str, *, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code

    @property
    def is_missing(self) -> bool:
        """No such object (for this key)."""
        return self.status == 404 or self.code == "resource_missing"

    @property
    def is_already_done(self) -> bool:
        """A meter event's identifier is taken. v1 sends no code, so the message decides (langfuse/langfuse#16292)."""
        return self.code == "duplicate_meter_event" or "event already exists with identifier" in self.message.lower()


class KeyInvalid(Permanent):
    """Stripe does not know the key (401)."""


class PermissionMissing(Permanent):
    """A restricted key may not do this (403)."""


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """`charges_enabled` None = a restricted key could not read it; `disabled_reason` is Stripe's own."""

    account_id: str
    charges_enabled: bool | None
    disabled_reason: str | None = None


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """A webhook endpoint; the secret is told once, when it is made."""

    endpoint_id: str
    url: str
    enabled: bool
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A Checkout Session."""

    session_id: str
    status: str
    payment_status: str
    url: str | None
    expires_at: datetime
    client_reference_id: str | None
    subscription: str | None


@dataclass(frozen=True, slots=True)
class SubscriptionFacts:
    """A subscription as it is at Stripe now. Checkout makes the card its own default, not its customer's."""

    stripe_subscription_id: str
    subscription_id: str | None
    status: str
    period_start: datetime
    period_end: datetime
    cancel_at_period_end: bool
    cancel_at: datetime | None
    canceled_at: datetime | None
    ended_at: datetime | None
    payment_method_id: str | None = None


@dataclass(frozen=True, slots=True)
class LineFacts:
    """One line of an invoice."""

    description: str
    quantity: int
    amount_minor: int
    period_start: datetime
    period_end: datetime
    price_id: str | None
    unit_amount_decimal: Decimal | None


@dataclass(frozen=True, slots=True)
class InvoiceFacts:
    """An invoice as it is at Stripe now. `subscription_id`: ours, by the metadata of Stripe's subscription."""

    invoice_id: str
    status: str
    currency: str
    total_minor: int
    amount_due_minor: int
    amount_paid_minor: int
    created_at: datetime
    period_start: datetime
    period_end: datetime
    lines: tuple[LineFacts, ...]
    auto_advance: bool
    stripe_subscription_id: str | None
    customer_id: str | None
    number: str | None
    billing_reason: str | None
    hosted_invoice_url: str | None
    invoice_pdf: str | None
    paid_at: datetime | None
    metadata: dict[str, str]
    subscription_id: str | None = None
