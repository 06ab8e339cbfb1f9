"""What a provider sees of those who subscribe: the subscription's state and the payment's, kept apart; and calls."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from portal_api.billing.domain.subscription import ENDED, PENDING, CheckoutStatus, Subscription

PaymentState = Literal["not_needed", "waiting", "refused", "none", "paid", "open", "overdue", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Who subscribed, as far as the provider may know."""

    developer_id: str
    name: str | None
    email: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberRow:
    """A subscription as its provider sees it."""

    subscription: Subscription
    customer: Customer
    application_name: str | None
    checkout_status: CheckoutStatus | None
    invoice_status: str | None
    units: int

    @property
    def payment(self) -> PaymentState:
        """What became of the money."""
        return payment_state(self.subscription, self.checkout_status, self.invoice_status)


@dataclass(frozen=True, slots=True)
class CallCount:
    """Calls of one stretch of time. `status_class` 2 to 5."""

    at: datetime
    status_class: int
    calls: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bar: calls answered well, refused as the caller's fault, failed as the API's."""

    at: datetime
    ok: int = 0
    client_errors: int = 0
    server_errors: int = 0

    @property
    def calls(self) -> int:
        """All of them."""
        return self.ok + self.client_errors + self.server_errors


def payment_state(subscription: Subscription, checkout: CheckoutStatus | None, invoice: str | None) -> PaymentState:
    """Derived from Stripe's words: the subscription's own state says whether calls are admitted, not what is owed."""
    if not subscription.paid:
        return "not_needed"
    if subscription.status in ("past_due", "unpaid"):
        return "overdue" if subscription.status == "past_due" else "failed"
    if checkout == "refused":
        return "refused"
    if subscription.status in (PENDING, "pending_payment", "incomplete"):
        return "waiting"
    if invoice == "uncollectible":
        return "failed"
    if invoice == "open":
        return "overdue" if subscription.status in ENDED else "open"
    return "paid" if invoice == "paid" else "none"


def buckets(counts: list[CallCount], since: datetime, until: datetime, step: timedelta) -> list[Bucket]:
    """Every stretch between, empty ones too; `since` is the first one's beginning."""
    found: dict[datetime, list[int]] = {}
    for count in counts:
        sums = found.setdefault(count.at, [0, 0, 0])
        sums[2 if count.status_class >= 5 else 1 if count.status_class == 4 else 0] += count.calls
    rows = []
    at = since
    while at < until:
        rows.append(Bucket(at, *found.get(at, (0, 0, 0))))
        at += step
    return rows
