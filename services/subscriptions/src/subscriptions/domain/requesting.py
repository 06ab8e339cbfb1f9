"""A developer asks for a plan of an API."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from shared.events.catalog import ApiState, PlanState
from shared.events.subscriptions import SubscriptionRequested
from subscriptions.domain.lifecycle import LIVE, Happening, next_status
from subscriptions.domain.periods import next_period_end
from subscriptions.domain.plan_terms import PlanTerms, Refusal, check_api, check_plan, terms_of
from subscriptions.domain.subscription import At, Subscription


@dataclass(frozen=True, slots=True)
class Seen:
    """What this service has read of the catalogue so far."""

    api: ApiState | None
    plan: PlanState | None


def has_seen(seen: Seen, command: SubscriptionRequested) -> bool:
    """Has the catalogue reached the versions that the command rests on? Else it waits: topics have no common order."""
    return (
        seen.api is not None
        and seen.plan is not None
        and seen.api.version >= command.api_version
        and seen.plan.version >= command.plan_version
    )


def decide_request(
    command: SubscriptionRequested, seen: Seen, others: Sequence[Subscription], at: At
) -> Subscription | Refusal:
    """The new subscription (number 0: the store gives it), or why not. `others`: of the same application and API."""
    api, plan = seen.api, seen.plan
    if api is None:
        return Refusal("unknown-api", "There is no such API. Choose one of the organization's APIs.")
    if plan is None:
        return Refusal("unknown-plan", "There is no such plan. Choose one of the API's plans.")
    refusal = check_api(api, command.organization_id) or check_plan(plan, api, command.plan_version_number)
    if refusal is not None:
        return refusal
    # A request still waiting for its payment counts too: two Checkouts of one pair could both be paid.
    if any(other.status in (*LIVE, "pending_payment") for other in others):
        return Refusal("already-subscribed", "The application has a subscription to this API. Cancel it first.")
    terms = terms_of(plan, command.plan_version_number)
    if terms is None:
        return Refusal("plan-changed", "The plan changed meanwhile. Read its present terms and subscribe again.")
    return _accepted(command, api, terms, at)


def _accepted(command: SubscriptionRequested, api: ApiState, terms: PlanTerms, at: At) -> Subscription:
    subscription = replace(
        _blank(command, at, Happening.REQUESTED_PAID if terms.paid else Happening.REQUESTED_FREE),
        api_number=api.number,
        paid=terms.paid,
        interval=terms.interval,
    )
    if terms.paid:
        return subscription
    end = next_period_end(at.business, terms.interval, at.business)
    return replace(subscription, current_period_start=at.business, current_period_end=end)


def rejected(command: SubscriptionRequested, refusal: Refusal, seen: Seen, at: At) -> Subscription:
    """A request that was refused is a subscription too, so that whoever asked sees why."""
    terms = terms_of(seen.plan, command.plan_version_number)
    return replace(
        _blank(command, at, Happening.REFUSED),
        api_number=seen.api.number if seen.api else 0,
        paid=terms.paid if terms else False,
        interval=terms.interval if terms else "month",
        ended_at=at.business,
        problem=refusal.problem,
        problem_detail=refusal.detail,
    )


Beginning = Literal[Happening.REQUESTED_FREE, Happening.REQUESTED_PAID, Happening.REFUSED]


def _blank(command: SubscriptionRequested, at: At, happening: Beginning) -> Subscription:
    status = next_status(None, happening)
    if status is None:
        raise ValueError(f"no subscription begins with {happening}")
    return Subscription(
        subscription_id=command.subscription_id,
        number=0,
        organization_id=command.organization_id,
        application_id=command.application_id,
        application_number=command.application_number,
        developer_id=command.developer_id,
        api_id=command.api_id,
        api_number=0,
        plan_id=command.plan_id,
        plan_version_number=command.plan_version_number,
        paid=False,
        interval="month",
        status=status,
        status_since=at.business,
        created_at=at.business,
        success_url=command.success_url,
        cancel_url=command.cancel_url,
    )
