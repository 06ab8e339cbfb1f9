"""A subscription as this service knows it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from shared.events.catalog import Interval
from shared.events.subscriptions import SubscriptionStatus
from subscriptions.domain.lifecycle import Happening, next_status

CheckoutOutcome = Literal["", "paid", "unpaid"]


@dataclass(frozen=True, slots=True)
class At:
    """The instant of a decision: business time, which the sandbox moves, and real time, on which work is waited for."""

    business: datetime
    real: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Its whole state. Periods are half-open [start, end).

    `observed` is the number of the newest state of Stripe's that was applied, `stripe_status` what it said.
    `cancel_wish` is a scheduled end (or its taking back) that Stripe has not confirmed yet: until it does, Stripe's
    older opinion does not undo it. `status_since` is business time; `closing_since` real, since billing-sync works in
    real time while the sandbox's business clock may leap a month.
    """

    subscription_id: str
    number: int
    organization_id: str
    application_id: str
    application_number: int
    developer_id: str
    api_id: str
    api_number: int
    plan_id: str
    plan_version_number: int
    paid: bool
    interval: Interval
    status: SubscriptionStatus
    status_since: datetime
    created_at: datetime
    version: int = 1
    success_url: str = ""
    cancel_url: str = ""
    current_period_start: datetime | None = None
    current_period_end: datetime | None = None
    cancel_at_period_end: bool = False
    cancel_at: datetime | None = None
    cancel_wish: bool | None = None
    access_ended_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None
    problem: str | None = None
    problem_detail: str | None = None
    checkout: CheckoutOutcome = ""
    observed: int = 0
    stripe_status: str = ""
    closing_since: datetime | None = None
    grace_over: bool = False
    grace_until: datetime | None = None

    @property
    def scheduled_end(self) -> datetime | None:
        """When a scheduled end takes effect, if one is scheduled."""
        ends = [self.current_period_end] if self.cancel_at_period_end and self.current_period_end else []
        return min([*ends, *([self.cancel_at] if self.cancel_at else [])], default=None)


def step(subscription: Subscription, happening: Happening, at: At) -> Subscription | None:
    """After a row of the table, with the instants that go with a change of status; None: no such row."""
    status = next_status(subscription.status, happening)
    if status is None:
        return None
    if status == subscription.status:
        return subscription
    after = replace(subscription, status=status, status_since=at.business, grace_over=False, grace_until=None)
    if status == "canceling":
        ended = after.access_ended_at or at.business
        return replace(after, closing_since=at.real, access_ended_at=ended, ended_at=None)
    if status == "canceled":
        ended = after.access_ended_at or min(at.business, after.scheduled_end or at.business)
        return replace(after, access_ended_at=ended, ended_at=at.business, closing_since=None)
    if status in {"incomplete_expired", "rejected"}:
        return replace(after, ended_at=at.business)
    return after
