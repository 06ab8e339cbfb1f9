"""What a provider reads: subscriptions of all developers, calls and errors over time."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from portal_api.billing.domain.provider_view import Bucket, PlanFigures
from portal_api.billing.entrypoints.schemas import NameView
from portal_api.billing.use_cases.provider_billing import MAX_PLANS, Calls, NamedSubscriber, ProviderBilling
from portal_api.catalog.domain.plan import Plan
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import problems
from portal_api.http.paging import Page, PageQuery
from portal_api.identity.domain.access import Actor

Span = Literal["1h", "24h", "7d", "30d"]


class CustomerView(BaseModel):
    """Who subscribed."""

    id: str
    name: str | None
    email: str | None


class SubscriberView(BaseModel):
    """A subscription as its provider sees it: `status` says whether calls are admitted, `payment` what is owed."""

    id: str
    status: str
    payment: str = Field(description="not_needed, waiting, refused, none, paid, open, overdue or failed")
    customer: CustomerView
    application: NameView
    api: NameView
    plan: NameView
    units: int = Field(description="Billed units of the running period.")
    created_at: datetime
    current_period_start: datetime | None
    current_period_end: datetime | None
    cancel_at_period_end: bool
    ended_at: datetime | None
    ended_by: str | None
    problem: str | None
    problem_detail: str | None

    @classmethod
    def of(cls, named: NamedSubscriber) -> "SubscriberView":
        """From the read model."""
        row, subscription = named.row, named.row.subscription
        customer = row.customer
        return cls(
            id=subscription.id,
            status=subscription.status,
            payment=row.payment,
            customer=CustomerView(id=customer.developer_id, name=customer.name, email=customer.email),
            application=NameView(id=subscription.application_id, name=row.application_name),
            api=NameView(id=subscription.api_id, name=named.api.display_name if named.api else None),
            plan=NameView(id=subscription.plan_id, name=named.plan.name if named.plan else None),
            units=row.units,
            created_at=subscription.created_at,
            current_period_start=subscription.current_period_start,
            current_period_end=subscription.current_period_end,
            cancel_at_period_end=subscription.cancel_at_period_end,
            ended_at=subscription.ended_at,
            ended_by=subscription.ended_by,
            problem=subscription.problem,
            problem_detail=subscription.problem_detail,
        )


class BucketView(BaseModel):
    """Calls of one stretch of time."""

    start: datetime
    calls: int
    client_errors: int = Field(description="Answered with 4xx.")
    server_errors: int = Field(description="Answered with 5xx.")

    @classmethod
    def of(cls, bucket: Bucket) -> "BucketView":
        """Of the domain's."""
        return cls(
            start=bucket.at,
            calls=bucket.calls,
            client_errors=bucket.client_errors,
            server_errors=bucket.server_errors,
        )


class CallsView(BaseModel):
    """Production calls over time. Everything called before `complete_until` is in."""

    as_of: datetime
    complete_until: datetime | None
    step_seconds: int
    calls: int
    errors: int
    data: list[BucketView]

    @classmethod
    def of(cls, calls: Calls) -> "CallsView":
        """Of the use case's."""
        return cls(
            as_of=calls.as_of,
            complete_until=calls.complete_until,
            step_seconds=int(calls.step.total_seconds()),
            calls=calls.total,
            errors=calls.errors,
            data=[BucketView.of(one) for one in calls.buckets],
        )


class PlanFiguresView(BaseModel):
    """What a plan brings. Amounts in minor units of its currency."""

    plan: NameView
    currency: str
    subscriptions: int = Field(description="Those that have not ended.")
    monthly_fee_decimal: str = Field(description="Fees of running subscriptions a month (MRR without usage).")
    usage_minor: int = Field(description="Metered usage of the running periods so far.")

    @classmethod
    def of(cls, plan: Plan, figures: PlanFigures) -> "PlanFiguresView":
        """Of one plan."""
        return cls(
            plan=NameView(id=plan.id, name=plan.name),
            currency=plan.current.currency,
            subscriptions=figures.subscriptions,
            monthly_fee_decimal=str(round(figures.monthly_fee, 2)),
            usage_minor=figures.usage_minor,
        )


class PlanFiguresList(BaseModel):
    """Of all plans."""

    data: list[PlanFiguresView]


def add_routes(router: APIRouter, http: HttpDependencies, provider: ProviderBilling) -> None:
    """All of them."""

    @router.get(
        "/organizations/{organization}/subscriptions",
        operation_id="list_organization_subscriptions",
        tags=["Subscriptions"],
        summary="List the subscriptions of all developers",
        responses=problems(401, 403, 404, 422),
    )
    async def list_organization_subscriptions(
        organization: str,
        page: PageQuery,
        api: Annotated[str | None, Query(max_length=64, description="Only of this API.")] = None,
        status: Annotated[str | None, Query(max_length=32, description="Only in this state.")] = None,
        search: Annotated[str, Query(max_length=100, description="In customer and application, or an id.")] = "",
        actor: Actor = Depends(http.current_actor),
    ) -> Page[SubscriberView]:
        """Newest first."""
        async with http.uow.transaction() as session:
            rows = await provider.subscribers(
                session,
                actor,
                organization,
                api_id=api,
                status=status,
                search=search.strip(),
                after=page.after,
                limit=page.fetch,
            )
        return page.page(rows, SubscriberView.of, lambda one: one.row.subscription.id)

    @router.get(
        "/organizations/{organization}/calls",
        operation_id="get_calls",
        tags=["Usage"],
        summary="Calls and errors over time",
        responses=problems(401, 403, 404, 422),
    )
    async def get_calls(
        organization: str,
        api: Annotated[str | None, Query(max_length=64, description="Only of this API.")] = None,
        span: Span = "24h",
        actor: Actor = Depends(http.current_actor),
    ) -> CallsView:
        """Of one API, or of all; Production only."""
        async with http.uow.transaction() as session:
            calls = await provider.calls(session, actor, organization, api_id=api, span=span)
        return CallsView.of(calls)

    _add_plan_figures(router, http, provider)


def _add_plan_figures(router: APIRouter, http: HttpDependencies, provider: ProviderBilling) -> None:
    @router.get(
        "/organizations/{organization}/plan-figures",
        operation_id="get_plan_figures",
        tags=["Plans"],
        summary="What each plan brings",
        responses=problems(401, 404),
    )
    async def get_plan_figures(organization: str, actor: Actor = Depends(http.current_actor)) -> PlanFiguresList:
        """Live subscriptions, fees a month and usage so far of each plan that is not deleted."""
        async with http.uow.transaction() as session:
            plans = await provider.catalog.list_plans(session, actor, organization, limit=MAX_PLANS, after=None)
            figures = await provider.plan_figures(session, actor, organization, plans)
        return PlanFiguresList(data=[PlanFiguresView.of(plan, figures[plan.id]) for plan in plans])
