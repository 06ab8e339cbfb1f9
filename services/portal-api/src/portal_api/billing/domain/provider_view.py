"""What a provider sees of those who subscribe: the subscription's state and the payment's, kept apart; and calls."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from portal_api.billing.domain.subscription import ENDED, PENDING, CheckoutStatus, Subscription
from shared.events.catalog import Interval, PlanVersion

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
class PlanFigures:
    """What a plan brings. Amounts in minor units of its currency.

    `monthly_fee`: the fees of running subscriptions, as if all were billed monthly (MRR without usage).
    `usage_minor`: metered usage of the running periods so far.
    """

    subscriptions: int = 0
    monthly_fee: Decimal = Decimal(0)
    usage_minor: int = 0


@dataclass(frozen=True, slots=True)
class StripeNews:
    """What was heard of an organization's Stripe account last."""

    kind: str
    at: datetime


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


# A year has 365 days here and a week is seven of them: MRR compares plans, it bills nobody.
_PERIODS_A_MONTH: dict[Interval, Decimal] = {
    "day": Decimal(365) / 12,
    "week": Decimal(365) / 7 / 12,
    "month": Decimal(1),
    "year": Decimal(1) / 12,
}


def monthly_fee(version: PlanVersion) -> Decimal:
    """What a subscription's fee comes to in a month, in minor units, without usage."""
    if version.pricing_model == "free" or version.flat_amount_decimal is None:
        return Decimal(0)
    return version.flat_amount_decimal * _PERIODS_A_MONTH[version.interval]


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
