"""What billing-sync heard from Stripe changes a subscription."""

from typing import TypeAlias

from shared.events.billing import (
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutRefused,
    StripeDisconnected,
    StripeSubscriptionClosed,
    StripeSubscriptionUpdated,
)
from subscriptions.domain.billing import (
    decide_checkout_completed,
    decide_checkout_expired,
    decide_checkout_refused,
    decide_stripe_closed,
    decide_stripe_updated,
    with_grace,
)
from subscriptions.domain.subscription import At, Subscription
from subscriptions.ports import Store
from subscriptions.use_cases.cancel_subscription import UnknownSubscription
from subscriptions.use_cases.keep import keep_changed

AboutSubscription: TypeAlias = (
    CheckoutCompleted | CheckoutExpired | CheckoutRefused | StripeSubscriptionClosed | StripeSubscriptionUpdated
)


async def apply_billing_event(store: Store, event: AboutSubscription, at: At) -> None:
    """Safe to repeat: a decision that was made already changes nothing."""
    subscription = await store.subscriptions.get(event.subscription_id)
    if subscription is None:
        raise UnknownSubscription(event.subscription_id)
    after = _decide(subscription, event, at)
    if after is not None:
        grace = await store.graces.of(subscription.organization_id)
        after = with_grace(subscription, after, store.policy.past_due_grace if grace is None else grace)
    await keep_changed(store, subscription, after)


async def apply_stripe_disconnected(store: Store, event: StripeDisconnected) -> None:
    """Its paid subscriptions end, a bounded number per transaction (see the timers)."""
    await store.closings.add(organization_id=event.organization_id)


def _decide(subscription: Subscription, event: AboutSubscription, at: At) -> Subscription | None:
    match event:
        case CheckoutCompleted():
            return decide_checkout_completed(subscription, event, at)
        case CheckoutExpired():
            return decide_checkout_expired(subscription, at)
        case CheckoutRefused():
            return decide_checkout_refused(subscription, event, at)
        case StripeSubscriptionClosed():
            return decide_stripe_closed(subscription, event, at)
        case StripeSubscriptionUpdated():
            return decide_stripe_updated(subscription, event, at)
