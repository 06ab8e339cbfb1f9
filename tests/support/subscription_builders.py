"""Builders for the subscriptions service's tests: sensible values, named where a test cares."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from shared.events.billing import StripeSubscriptionUpdated
from shared.events.catalog import ApiState, PlanState, PlanVersion, RateLimit
from shared.events.subscriptions import SubscriptionCancelRequested, SubscriptionRequested
from subscriptions.domain.subscription import Subscription

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
NEXT = datetime(2026, 2, 28, 12, tzinfo=UTC)
FREE_NUMBER, PAID_NUMBER = 41, 42


def api(**changes: Any) -> ApiState:
    """A published API with both plans."""
    state = ApiState(
        version=3,
        api_id="api_1",
        number=7,
        organization_id="org_1",
        organization_identifier="acme",
        identifier="books",
        version_label="v1",
        display_name="Books",
        lifecycle="published",
        plan_ids=("plan_free", "plan_paid"),
    )
    return msgspec.structs.replace(state, **changes)


def plan(*, paid: bool = False, **changes: Any) -> PlanState:
    """The free plan, or the one that costs money."""
    version = PlanVersion(
        number=PAID_NUMBER if paid else FREE_NUMBER,
        ordinal=1,
        pricing_model="unit" if paid else "free",
        created_at=NOON,
        rate_limits=(RateLimit(count=10, per_seconds=1),),
    )
    name = "plan_paid" if paid else "plan_free"
    state = PlanState(version=2, plan_id=name, organization_id="org_1", name=name, status="active", versions=(version,))
    return msgspec.structs.replace(state, **changes)


def request(subscription_id: str = "sub_1", *, paid: bool = False, **changes: Any) -> SubscriptionRequested:
    """A developer asks for one of the two plans."""
    command = SubscriptionRequested(
        subscription_id=subscription_id,
        organization_id="org_1",
        application_id="app_1",
        application_number=5,
        developer_id="user_1",
        api_id="api_1",
        api_version=3,
        plan_id="plan_paid" if paid else "plan_free",
        plan_version=2,
        plan_version_number=PAID_NUMBER if paid else FREE_NUMBER,
        success_url="https://portal.example/ok",
        cancel_url="https://portal.example/no",
        requested_at=NOON,
    )
    return msgspec.structs.replace(command, **changes)


def cancel(subscription_id: str = "sub_1", **changes: Any) -> SubscriptionCancelRequested:
    """Its creator cancels now."""
    command = SubscriptionCancelRequested(
        subscription_id=subscription_id, when="now", by="developer", user_id="user_1", requested_at=NOON
    )
    return msgspec.structs.replace(command, **changes)


def stripe_says(status: str, observed: int = 1, **changes: Any) -> StripeSubscriptionUpdated:
    """Stripe's whole state of `sub_1`."""
    values: dict[str, Any] = {
        "subscription_id": "sub_1",
        "stripe_subscription_id": "sub_stripe",
        "status": status,
        "observed": observed,
        "current_period_start": NOON,
        "current_period_end": NEXT,
        "cancel_at_period_end": False,
    }
    return StripeSubscriptionUpdated(**(values | changes))


def subscription(status: Any = "active", *, paid: bool = True, **changes: Any) -> Subscription:
    """A subscription in a status, entered at NOON."""
    values: dict[str, Any] = {
        "subscription_id": "sub_1",
        "number": 1,
        "organization_id": "org_1",
        "application_id": "app_1",
        "application_number": 5,
        "developer_id": "user_1",
        "api_id": "api_1",
        "api_number": 7,
        "plan_id": "plan_paid" if paid else "plan_free",
        "plan_version_number": PAID_NUMBER if paid else FREE_NUMBER,
        "paid": paid,
        "interval": "month",
        "status": status,
        "status_since": NOON,
        "created_at": NOON,
        "current_period_start": NOON,
        "current_period_end": NEXT,
    }
    if status == "canceling":
        values |= {"closing_since": NOON, "access_ended_at": NOON}
    if status in {"canceled", "rejected", "incomplete_expired"}:
        values |= {"ended_at": NOON}
    return Subscription(**(values | changes))
