"""A subscription as the portal knows it: a copy of what the subscriptions service says, and a wish before that."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.errors import DomainError
from shared.events.subscriptions import SubscriptionState

# `pending`: asked for, and the subscriptions service has not answered yet (version 0).
PENDING = "pending"
ENDED = frozenset({"rejected", "incomplete_expired", "canceled"})
OVERDUE = frozenset({"past_due", "unpaid"})
ENDS_AT_PERIOD_END = frozenset({"active", "trialing", "past_due"})

CheckoutStatus = Literal["opened", "refused", "completed", "expired"]


@dataclass(frozen=True, slots=True)
class Subscription:
    """One row of the read model. Times of the period are business time."""

    id: str
    version: int
    organization_id: str
    application_id: str
    developer_id: str
    api_id: str
    plan_id: str
    plan_version_number: int
    status: str
    paid: bool
    created_at: datetime
    current_period_start: datetime | None = None
    current_period_end: datetime | None = None
    cancel_at_period_end: bool = False
    cancel_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None
    problem: str | None = None
    problem_detail: str | None = None
    grace_until: datetime | None = None

    @property
    def is_ended(self) -> bool:
        """Nothing can happen to it any more."""
        return self.status in ENDED

    @property
    def is_over(self) -> bool:
        """It never gives access again, and its application may subscribe to its API anew: ended, or cancelled, however
        long its final invoice takes (Stripe may be down)."""
        return self.is_ended or self.status == "canceling"


@dataclass(frozen=True, slots=True)
class Checkout:
    """Where and whether the developer pays."""

    subscription_id: str
    status: CheckoutStatus
    session_id: str | None = None
    url: str | None = None
    expires_at: datetime | None = None
    problem: str | None = None
    problem_detail: str | None = None


def of_state(state: SubscriptionState) -> Subscription:
    """The read model's row of what the subscriptions service says."""
    return Subscription(
        id=state.subscription_id,
        version=state.version,
        organization_id=state.organization_id,
        application_id=state.application_id,
        developer_id=state.developer_id,
        api_id=state.api_id,
        plan_id=state.plan_id,
        plan_version_number=state.plan_version_number,
        status=state.status,
        paid=state.paid,
        created_at=state.created_at,
        current_period_start=state.current_period_start,
        current_period_end=state.current_period_end,
        cancel_at_period_end=state.cancel_at_period_end,
        cancel_at=state.cancel_at,
        ended_at=state.ended_at,
        ended_by=state.ended_by,
        problem=state.problem,
        problem_detail=state.problem_detail,
        grace_until=state.grace_until,
    )


def is_settled(subscription: Subscription, checkout: Checkout | None) -> bool:
    """Whether whoever asked for it has an answer: it lives, is refused, or there is a Checkout to go to."""
    if subscription.status == PENDING:
        return False
    return subscription.status != "pending_payment" or checkout is not None


def check_cancel(subscription: Subscription, when: Literal["now", "period_end"]) -> None:
    """Whether it can be cancelled so. Raises DomainError."""
    if subscription.is_ended:
        raise DomainError(
            "subscription-ended", 409, "The subscription has ended", "There is nothing to cancel. Subscribe again."
        )
    if when == "period_end" and subscription.status not in ENDS_AT_PERIOD_END:
        raise DomainError(
            "not-cancelable-at-period-end",
            409,
            "It cannot be cancelled at the period's end",
            f"The subscription is {subscription.status}: it has no running period. Cancel it now instead.",
            field="when",
        )


def check_resume(subscription: Subscription) -> None:
    """Whether there is a scheduled end to take back. Raises DomainError."""
    if subscription.status in ENDS_AT_PERIOD_END and (subscription.cancel_at_period_end or subscription.cancel_at):
        return
    raise DomainError(
        "nothing-to-resume",
        409,
        "No cancellation is scheduled",
        "Only a subscription with a scheduled end can be resumed. Subscribe again if it has ended.",
    )


def already_subscribed(subscription_id: str) -> DomainError:
    """A second plan of the same API is a plan change, never a second subscription."""
    return DomainError(
        "already-subscribed",
        409,
        "The application is subscribed to this API",
        f"Subscription {subscription_id} is live or waits for payment. Cancel it first, or use another application.",
        field="api_id",
    )


def no_such_subscription(subscription_id: str) -> DomainError:
    """Also the answer about somebody else's."""
    return DomainError(
        "subscription-not-found",
        404,
        "No such subscription",
        f"There is no subscription {subscription_id[:64]!r} of yours. Only who created it may see and cancel it.",
    )
