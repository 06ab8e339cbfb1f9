"""A subscription as the other services see it."""

from shared.events.subscriptions import SubscriptionState
from subscriptions.domain.subscription import Subscription


def state_of(subscription: Subscription) -> SubscriptionState:
    """The record for `subscriptions.state`."""
    return SubscriptionState(
        version=subscription.version,
        subscription_id=subscription.subscription_id,
        number=subscription.number,
        organization_id=subscription.organization_id,
        application_id=subscription.application_id,
        application_number=subscription.application_number,
        developer_id=subscription.developer_id,
        api_id=subscription.api_id,
        api_number=subscription.api_number,
        plan_id=subscription.plan_id,
        plan_version_number=subscription.plan_version_number,
        paid=subscription.paid,
        interval=subscription.interval,
        status=subscription.status,
        created_at=subscription.created_at,
        success_url=subscription.success_url,
        cancel_url=subscription.cancel_url,
        current_period_start=subscription.current_period_start,
        current_period_end=subscription.current_period_end,
        cancel_at_period_end=subscription.cancel_at_period_end,
        cancel_at=subscription.scheduled_end,
        access_ended_at=subscription.access_ended_at,
        ended_at=subscription.ended_at,
        ended_by=subscription.ended_by,
        problem=subscription.problem,
        problem_detail=subscription.problem_detail,
        grace_until=subscription.grace_until,
    )
