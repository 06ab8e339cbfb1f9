"""What billing-sync heard from Stripe. Events come in any order; Stripe's newest whole state wins by `observed`.

Every decider returns the new subscription, or None when nothing follows.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.events.billing import (
    CheckoutCompleted,
    CheckoutRefused,
    StripeSubscriptionClosed,
    StripeSubscriptionUpdated,
)
from subscriptions.domain.ending import LIVE_AT_STRIPE, is_known_to_stripe
from subscriptions.domain.lifecycle import LIVE, Happening
from subscriptions.domain.policy import Policy
from subscriptions.domain.subscription import At, CheckoutOutcome, Subscription, step

BILLING_INCOMPLETE = "billing-incomplete"
_INCOMPLETE_DETAIL = "Access ended, but the final invoice could not be verified against the counted usage yet."
_LATE_DETAIL = "Checkout was completed after the request had ended. It is cancelled and refunded; there is no access."

_BY_STRIPE_STATUS = {
    "incomplete": Happening.STRIPE_INCOMPLETE,
    "incomplete_expired": Happening.STRIPE_INCOMPLETE_EXPIRED,
    "trialing": Happening.STRIPE_TRIALING,
    "active": Happening.STRIPE_ACTIVE,
    "past_due": Happening.STRIPE_PAST_DUE,
    "unpaid": Happening.STRIPE_UNPAID,
    "paused": Happening.STRIPE_PAUSED,
    "canceled": Happening.STRIPE_CANCELED,
}
_BEFORE_ACCESS = ("pending_payment", "incomplete")
_NEVER_BEGAN = ("rejected", "incomplete_expired")


def decide_checkout_completed(subscription: Subscription, event: CheckoutCompleted, at: At) -> Subscription | None:
    """Half of a confirmation; the other half is Stripe's live state. `unpaid` (a bank debit) waits for the money."""
    if subscription.status in _NEVER_BEGAN:
        return _late(subscription, at)
    if subscription.status not in _BEFORE_ACCESS or subscription.checkout == "paid":
        return None
    outcome: CheckoutOutcome = "unpaid" if event.payment_status == "unpaid" else "paid"
    return _confirm(replace(subscription, checkout=outcome), at)


def decide_checkout_refused(subscription: Subscription, event: CheckoutRefused, at: At) -> Subscription | None:
    """Checkout cannot open (Stripe not connected, charges disabled, ...): rejected, with Stripe's reason."""
    after = step(subscription, Happening.REFUSED, at)
    return after and replace(after, problem=event.problem, problem_detail=event.detail)


def decide_checkout_expired(subscription: Subscription, at: At) -> Subscription | None:
    """Nobody paid in time. A completed Checkout cannot expire: such an event is of an older session."""
    if subscription.checkout:
        return None
    return step(subscription, Happening.CHECKOUT_EXPIRED, at)


def decide_stripe_updated(subscription: Subscription, event: StripeSubscriptionUpdated, at: At) -> Subscription | None:
    """Mirror Stripe's present state, as far as the table lets it: what ended here never comes back."""
    if event.observed <= subscription.observed or subscription.status == "canceled":
        return None
    mirrored = _mirror(subscription, event)
    if subscription.status in _NEVER_BEGAN:
        return _late(mirrored, at) if event.status in LIVE_AT_STRIPE else None
    if subscription.status in _BEFORE_ACCESS and event.status in LIVE_AT_STRIPE:
        return _confirm(mirrored, at)
    after = step(mirrored, _BY_STRIPE_STATUS[event.status], at)
    if after is None:
        return mirrored
    if after.status == "canceled":
        ended = event.ended_at or event.canceled_at or at.business
        access_ended = min(after.access_ended_at or ended, ended)
        return replace(after, ended_at=ended, access_ended_at=access_ended, ended_by=after.ended_by or "stripe")
    return after


def decide_stripe_closed(subscription: Subscription, event: StripeSubscriptionClosed, at: At) -> Subscription | None:
    """Deleted at Stripe and the final invoice looked at: canceled, with a problem as long as it is not verified."""
    after = step(subscription, Happening.CLOSED, at)
    if after is None:
        return None
    if subscription.status != "canceled":
        after = replace(after, ended_at=event.ended_at, ended_by=after.ended_by or "stripe")
    if not event.verified:
        return replace(after, problem=BILLING_INCOMPLETE, problem_detail=_INCOMPLETE_DETAIL)
    if after.problem == BILLING_INCOMPLETE:
        after = replace(after, problem=None, problem_detail=None)
    return after if after != subscription else None


def decide_closing_overdue(subscription: Subscription, at: At) -> Subscription | None:
    """billing-sync did not finish in time: canceled all the same, and a person must look."""
    after = step(subscription, Happening.CLOSING_OVERDUE, at)
    return after and replace(after, problem=BILLING_INCOMPLETE, problem_detail=_INCOMPLETE_DETAIL)


def decide_abandoned(subscription: Subscription, at: At) -> Subscription | None:
    """Nobody paid and nothing was heard; if Stripe knows of it after all, it must be deleted there."""
    if subscription.status == "pending_payment" and is_known_to_stripe(subscription):
        return step(subscription, Happening.WITHDRAWN_AFTER_CHECKOUT, at)
    return step(subscription, Happening.ABANDONED, at)


def with_grace(before: Subscription, after: Subscription, grace: timedelta) -> Subscription:
    """A debt begins: its grace is what the provider grants now, and stays so until it is paid."""
    if after.status != "past_due" or before.status == "past_due":
        return after
    return replace(after, grace_until=after.status_since + grace)


def grace_end(subscription: Subscription, policy: Policy) -> datetime:
    """When access ends while past due."""
    return subscription.grace_until or subscription.status_since + policy.past_due_grace


def decide_grace_over(subscription: Subscription, at: At, policy: Policy) -> Subscription | None:
    """Past due keeps its access until the grace is over."""
    if subscription.status != "past_due" or subscription.grace_over:
        return None
    if at.business < grace_end(subscription, policy):
        return None
    return replace(subscription, grace_over=True)


def _late(subscription: Subscription, at: At) -> Subscription | None:
    """Paid after its end: `canceling` makes billing-sync cancel and refund it. There is no access, ever."""
    after = step(subscription, Happening.LATE_CHECKOUT, at)
    return after and replace(after, problem="checkout-too-late", problem_detail=_LATE_DETAIL)


def _confirm(subscription: Subscription, at: At) -> Subscription | None:
    """Access begins when Checkout is paid and Stripe's subscription lives, whichever came first."""
    if subscription.checkout == "paid" and subscription.stripe_status in LIVE_AT_STRIPE:
        return step(subscription, _BY_STRIPE_STATUS[subscription.stripe_status], at)
    return step(subscription, Happening.CHECKOUT_WAITS, at)


def _mirror(subscription: Subscription, event: StripeSubscriptionUpdated) -> Subscription:
    mirrored = replace(
        subscription,
        observed=event.observed,
        stripe_status=event.status,
        current_period_start=event.current_period_start,
        current_period_end=event.current_period_end,
    )
    if subscription.status not in (*LIVE, "pending_payment"):
        return mirrored
    scheduled = event.cancel_at_period_end or event.cancel_at is not None
    if subscription.cancel_wish is not None and subscription.cancel_wish != scheduled:
        return mirrored
    return replace(
        mirrored,
        cancel_at_period_end=event.cancel_at_period_end,
        cancel_at=event.cancel_at,
        cancel_wish=None,
        ended_by=subscription.ended_by if scheduled else None,
    )
