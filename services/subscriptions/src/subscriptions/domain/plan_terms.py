"""What this service needs of a plan and of an API."""

from dataclasses import dataclass

from shared.events.catalog import ApiState, BillableRule, Interval, PlanState, PlanVersion, RateLimit


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """One version of a plan, as far as access and periods depend on it."""

    plan_version_number: int
    paid: bool
    interval: Interval
    billable_rule: BillableRule
    rate_limits: tuple[RateLimit, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is rejected: the name of a problem type, and a sentence that says what to do."""

    problem: str
    detail: str


def terms_of(plan: PlanState | None, plan_version_number: int) -> PlanTerms | None:
    """The terms of a version, old ones included: a subscription keeps the version it was made with."""
    for version in plan.versions if plan else ():
        if version.number == plan_version_number:
            return _terms(version)
    return None


def _terms(version: PlanVersion) -> PlanTerms:
    return PlanTerms(
        plan_version_number=version.number,
        paid=version.pricing_model != "free",
        interval=version.interval,
        billable_rule=version.billable_rule,
        rate_limits=version.rate_limits,
    )


def check_api(api: ApiState, organization_id: str) -> Refusal | None:
    """May new subscriptions be made to this API?"""
    if api.organization_id != organization_id:
        return Refusal("unknown-api", "The API does not belong to this organization. Choose one of its own APIs.")
    if api.lifecycle == "deprecated":
        return Refusal("api-not-published", "The API is deprecated and takes no new subscriptions. Choose a newer one.")
    if api.lifecycle != "published":
        return Refusal("api-not-published", "The API is not published. Subscribe when its provider has published it.")
    return None


def check_plan(plan: PlanState, api: ApiState, plan_version_number: int) -> Refusal | None:
    """May new subscriptions be made with this version of this plan to this API?"""
    if plan.organization_id != api.organization_id or not plan.versions:
        return Refusal("unknown-plan", "The plan does not belong to this organization. Choose one of the API's plans.")
    if plan.status != "active":
        return Refusal("plan-inactive", "The plan takes no new subscriptions. Choose another plan of the API.")
    if plan.plan_id not in api.plan_ids:
        return Refusal("plan-not-enabled", "The plan is not enabled for this API. Choose one of the API's plans.")
    if plan.versions[-1].number != plan_version_number:
        return Refusal("plan-changed", "The plan changed meanwhile. Read its present terms and subscribe again.")
    return None
