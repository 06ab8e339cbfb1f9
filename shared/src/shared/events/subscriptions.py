"""Orders to the subscriptions service, and what it says (`subscriptions.commands`, `.state`, `.access`)."""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from shared.events.catalog import BillableRule, Interval, RateLimit
from shared.events.envelope import Event, State

SubscriptionStatus = Literal[
    "pending_payment",
    "rejected",
    "incomplete",
    "incomplete_expired",
    "trialing",
    "active",
    "past_due",
    "unpaid",
    "paused",
    "canceling",
    "canceled",
]


class SubscriptionRequested(Event, frozen=True, kw_only=True, tag="subscription.requested.v1"):
    """A developer asks for a plan of an API. Names the versions it rests on: a reader that has not seen them waits."""

    subscription_id: str
    organization_id: str
    application_id: str
    application_number: int
    developer_id: str
    api_id: str
    api_version: int
    plan_id: str
    plan_version: int
    plan_version_number: int
    success_url: str
    cancel_url: str
    requested_at: datetime


class SubscriptionCancelRequested(Event, frozen=True, kw_only=True, tag="subscription.cancel_requested.v1"):
    """Its creator cancels (`by` developer), its provider ends it (`by` provider), or its application was deleted."""

    subscription_id: str
    when: Literal["now", "period_end"]
    by: Literal["developer", "provider", "application_deleted"]
    user_id: str
    requested_at: datetime


class SubscriptionResumeRequested(Event, frozen=True, kw_only=True, tag="subscription.resume_requested.v1"):
    """Take back a cancellation at period end."""

    subscription_id: str
    user_id: str
    requested_at: datetime


class PaymentGraceSet(Event, frozen=True, kw_only=True, tag="organization.payment_grace_set.v1"):
    """How long a provider's subscribers keep access while a payment is overdue. Holds for debts that begin later."""

    organization_id: str
    grace_days: int
    user_id: str
    requested_at: datetime


SubscriptionCommand: TypeAlias = (
    SubscriptionRequested | SubscriptionCancelRequested | SubscriptionResumeRequested | PaymentGraceSet
)


class SubscriptionState(State, frozen=True, kw_only=True, tag="subscription.changed.v1"):
    """A subscription, whole. Key: subscription_id.

    Periods are half-open [start, end). `cancel_at` is when a scheduled end takes effect. `access_ended_at` is the
    instant T from which no call is admitted (cancel now). `problem` names why it was rejected, refused or ended.
    `grace_until`: while past due, when access ends unless the debt is paid.
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
    created_at: datetime
    success_url: str = ""
    cancel_url: str = ""
    current_period_start: datetime | None = None
    current_period_end: datetime | None = None
    cancel_at_period_end: bool = False
    cancel_at: datetime | None = None
    access_ended_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None
    problem: str | None = None
    problem_detail: str | None = None
    grace_until: datetime | None = None


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway may let through now. `reason` is the problem type's name when not allowed."""

    allowed: bool
    reason: str = ""
    subscription_id: str = ""
    subscription_number: int = 0
    plan_version_number: int = 0
    billable_rule: BillableRule = "successful"
    rate_limits: tuple[RateLimit, ...] = ()
    valid_until: datetime | None = None
    blocked_until: datetime | None = None
    blocked_reason: str = ""


class AccessEntryState(State, frozen=True, kw_only=True, tag="subscription.access.v1"):
    """Access of one application to one API. Key: `<application_id>/<api_id>`."""

    application_id: str
    api_id: str
    production: Access
    sandbox: Access


def access_key(application_id: str, api_id: str) -> str:
    """The record key of an access entry."""
    return f"{application_id}/{api_id}"
