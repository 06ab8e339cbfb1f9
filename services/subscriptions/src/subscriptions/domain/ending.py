"""Cancel, end, resume, retire: what people and the provider's account do to a subscription.

Every decider returns the new subscription, or None when nothing follows.
"""

from dataclasses import replace

from shared.events.subscriptions import SubscriptionCancelRequested
from subscriptions.domain.lifecycle import LIVE, Happening
from subscriptions.domain.subscription import At, Subscription, step

LIVE_AT_STRIPE = ("trialing", "active", "past_due", "unpaid", "paused")


def is_known_to_stripe(subscription: Subscription) -> bool:
    """Is there, or will there be, something at Stripe that somebody must delete?"""
    return subscription.checkout != "" or subscription.stripe_status in LIVE_AT_STRIPE


def decide_cancel(subscription: Subscription, command: SubscriptionCancelRequested, at: At) -> Subscription | None:
    """Cancel now or at the period's end. A deleted application's subscriptions always end now."""
    may_wait = subscription.status in LIVE and subscription.status != "incomplete"
    if command.when == "now" or command.by == "application_deleted" or not may_wait:
        return end_now(subscription, command.by, at)
    if subscription.scheduled_end is not None and subscription.cancel_wish is not False:
        return None
    wish = True if subscription.paid else None
    return replace(subscription, cancel_at_period_end=True, cancel_wish=wish, ended_by=command.by)


def end_now(subscription: Subscription, by: str, at: At, problem: str | None = None) -> Subscription | None:
    """Access ends at once. What Stripe knows of is `canceling` until the final invoice is verified."""
    if subscription.status == "pending_payment":
        known = is_known_to_stripe(subscription)
        happening = Happening.WITHDRAWN_AFTER_CHECKOUT if known else Happening.WITHDRAWN
    else:
        happening = Happening.CANCELED_PAID if subscription.paid else Happening.CANCELED_FREE
    after = step(subscription, happening, at)
    if after is None:
        return None
    return replace(after, ended_by=by, problem=problem or after.problem)


def decide_resume(subscription: Subscription) -> Subscription | None:
    """Take back a scheduled end."""
    if subscription.status not in LIVE or subscription.scheduled_end is None:
        return None
    wish = False if subscription.paid else None
    return replace(subscription, cancel_at_period_end=False, cancel_at=None, cancel_wish=wish, ended_by=None)


def decide_stripe_disconnected(subscription: Subscription, at: At) -> Subscription | None:
    """Nobody can bill it any more: it ends at once, and its open usage becomes late rows."""
    if not subscription.paid:
        return None
    after = step(subscription, Happening.STRIPE_DISCONNECTED, at)
    if after is None:
        return None
    detail = "The provider disconnected its Stripe account. Ask the provider, then subscribe again."
    return replace(after, problem="stripe-disconnected", problem_detail=detail, ended_by=after.ended_by or "provider")


def decide_api_retired(subscription: Subscription, at: At) -> Subscription | None:
    """The provider retired the API: every subscription to it ends."""
    return end_now(subscription, "provider", at, problem="api-retired")
