"""Who may call what: the subscriptions of one application to one API, made one access entry."""

from collections.abc import Callable, Sequence

from shared.events.subscriptions import Access, AccessEntryState
from subscriptions.domain.lifecycle import ADMITTING, LIVE
from subscriptions.domain.plan_terms import PlanTerms
from subscriptions.domain.subscription import Subscription

_REASONS = {
    "pending_payment": "payment-pending",
    "incomplete": "payment-pending",
    "past_due": "payment-overdue",
    "unpaid": "payment-overdue",
    "paused": "subscription-paused",
    "canceling": "subscription-ended",
    "canceled": "subscription-ended",
    "rejected": "no-subscription",
    "incomplete_expired": "no-subscription",
}


def is_admitting(subscription: Subscription) -> bool:
    """May calls be let through under it now? Past due: until its grace is over."""
    return subscription.status in ADMITTING and not subscription.grace_over


def _rank(subscription: Subscription) -> tuple[int, int]:
    """Which of several decides: one that admits, then one that could admit again, then the newest that had access."""
    if is_admitting(subscription):
        rank = 4
    elif subscription.status in LIVE:
        rank = 3
    elif subscription.status == "pending_payment":
        rank = 2
    elif subscription.status in {"canceling", "canceled"} and subscription.problem != "checkout-too-late":
        rank = 1
    else:
        rank = 0
    return rank, subscription.number


def access_of(subscription: Subscription, terms: PlanTerms) -> Access:
    """What the subscription lets through. `valid_until`: a scheduled end needs no message."""
    if not is_admitting(subscription):
        reason = _REASONS[subscription.status]
        return Access(
            allowed=False,
            reason=reason,
            subscription_id=subscription.subscription_id,
            subscription_number=subscription.number,
            plan_version_number=subscription.plan_version_number,
        )
    return Access(
        allowed=True,
        subscription_id=subscription.subscription_id,
        subscription_number=subscription.number,
        plan_version_number=terms.plan_version_number,
        billable_rule=terms.billable_rule,
        rate_limits=terms.rate_limits,
        valid_until=subscription.scheduled_end,
    )


NO_SUBSCRIPTION = Access(allowed=False, reason="no-subscription")


def deciding(subscriptions: Sequence[Subscription]) -> Subscription | None:
    """The one of them that decides."""
    return max(subscriptions, key=_rank, default=None)


def derive_entry(
    application_id: str,
    api_id: str,
    subscriptions: Sequence[Subscription],
    terms_of: Callable[[Subscription], PlanTerms | None],
    version: int,
) -> AccessEntryState:
    """The entry. Sandbox credentials call under the same subscription: recorded, never billed."""
    best = deciding(subscriptions)
    access = NO_SUBSCRIPTION
    if best is not None:
        terms = terms_of(best)
        if terms is not None:
            access = access_of(best, terms)
        elif is_admitting(best):
            raise LookupError(f"plan version {best.plan_version_number} of {best.subscription_id} is not known")
        elif best.status not in {"rejected", "incomplete_expired"}:
            access = Access(allowed=False, reason=_REASONS[best.status], subscription_id=best.subscription_id)
    return AccessEntryState(
        version=version, application_id=application_id, api_id=api_id, production=access, sandbox=access
    )
