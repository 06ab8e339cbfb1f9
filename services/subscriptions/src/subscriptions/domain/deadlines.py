"""What happens to a subscription when nobody does anything: when it is next due, and what then follows."""

from dataclasses import dataclass, replace
from datetime import datetime

from subscriptions.domain.billing import decide_abandoned, decide_closing_overdue, decide_grace_over, grace_end
from subscriptions.domain.lifecycle import Happening
from subscriptions.domain.periods import next_period_end
from subscriptions.domain.policy import Policy
from subscriptions.domain.subscription import At, Subscription, step


@dataclass(frozen=True, slots=True)
class Due:
    """When time alone changes a subscription: in business time, or in real time."""

    business: datetime | None = None
    real: datetime | None = None


def due(subscription: Subscription, policy: Policy) -> Due:
    """The next instant at which `decide_due` has something to do."""
    waits_for_bank = subscription.checkout == "unpaid"
    match subscription.status:
        case "pending_payment":
            bound = policy.async_payment if waits_for_bank else policy.pending_payment
            return Due(business=subscription.status_since + bound)
        case "incomplete":
            bound = policy.async_payment if waits_for_bank else policy.incomplete
            return Due(business=subscription.status_since + bound)
        case "past_due" if not subscription.grace_over:
            return Due(business=grace_end(subscription, policy))
        case "canceling" if subscription.closing_since is not None:
            return Due(real=subscription.closing_since + policy.closing)
        case "active" if not subscription.paid:
            return Due(business=subscription.current_period_end)
        case _:
            return Due()


def is_due(subscription: Subscription, at: At, policy: Policy) -> bool:
    """Has that instant come?"""
    when = due(subscription, policy)
    return (when.business is not None and when.business <= at.business) or (
        when.real is not None and when.real <= at.real
    )


def decide_due(subscription: Subscription, at: At, policy: Policy) -> Subscription | None:
    """What time does to it now; None when nothing is due."""
    if not is_due(subscription, at, policy):
        return None
    match subscription.status:
        case "pending_payment" | "incomplete":
            return decide_abandoned(subscription, at)
        case "past_due":
            return decide_grace_over(subscription, at, policy)
        case "canceling":
            return decide_closing_overdue(subscription, at)
        case _:
            return _free_period_over(subscription, at)


def _free_period_over(subscription: Subscription, at: At) -> Subscription | None:
    """One period at a time, so that every period of a free plan is published, also after a leap of the clock."""
    end = subscription.current_period_end
    if end is None:
        return None
    if subscription.cancel_at_period_end:
        ended = step(subscription, Happening.PERIOD_ENDED, at)
        return ended and replace(ended, ended_at=end, access_ended_at=end)
    renewed = step(subscription, Happening.RENEWED, at)
    following = next_period_end(subscription.created_at, subscription.interval, end)
    return renewed and replace(renewed, current_period_start=end, current_period_end=following)
