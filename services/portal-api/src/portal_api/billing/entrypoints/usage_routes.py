"""What a developer used, what it costs and why, and their invoices; also as CSV."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from portal_api.billing.entrypoints.schemas import InvoiceView
from portal_api.billing.entrypoints.usage_schemas import PlanEstimatesView, UsageHistoryView, UsageSummaryView
from portal_api.billing.use_cases.exporting import invoices_csv, usage_csv
from portal_api.billing.use_cases.plan_estimates import MAX_UNITS, Estimates
from portal_api.billing.use_cases.usage_history import UsageHistories
from portal_api.billing.use_cases.usage_summary import BillingReader
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import problems
from portal_api.http.paging import Page, PageQuery
from portal_api.identity.domain.access import Actor
from portal_api.organizations.use_cases import Organizations

MAX_EXPORTED_INVOICES = 10_000
Since = Annotated[
    date | None,
    Query(alias="from", description="A UTC day; unset: the oldest present period's start, two weeks at least."),
]
Until = Annotated[date | None, Query(alias="to", description="A UTC day, included; unset: today.")]


@dataclass(frozen=True, slots=True)
class UsageRoutes:
    """What the routes need."""

    http: HttpDependencies
    organizations: Organizations
    reader: BillingReader
    histories: UsageHistories
    estimates: Estimates


def add_routes(router: APIRouter, deps: UsageRoutes) -> None:
    """All of them."""
    _summary(router, deps)
    _history(router, deps)
    _invoices(router, deps)
    _estimates(router, deps)


def _summary(router: APIRouter, deps: UsageRoutes) -> None:
    http = deps.http

    @router.get(
        "/portal/{organization}/billing/usage-summary",
        operation_id="get_usage_summary",
        tags=["Billing"],
        summary="Usage and estimated cost of the present period",
        responses=problems(401, 404),
    )
    async def usage_summary(organization: str, actor: Actor = Depends(http.current_actor)) -> UsageSummaryView:
        """Calls show up within a second; `complete_until` says up to when nothing is missing."""
        async with http.uow.transaction() as session:
            found = await deps.organizations.find(session, organization)
            return UsageSummaryView.of(await deps.reader.summary(session, found.id, actor.user_id))


def _history(router: APIRouter, deps: UsageRoutes) -> None:
    http = deps.http

    @router.get(
        "/portal/{organization}/billing/usage",
        operation_id="get_usage",
        tags=["Billing"],
        summary="Usage by day, by API and by subscription",
        responses=problems(401, 404, 422),
    )
    async def usage(
        organization: str, since: Since = None, until: Until = None, actor: Actor = Depends(http.current_actor)
    ) -> UsageHistoryView:
        """Production calls; a day's amount is what it added to the bill, fees left out. At most 366 days."""
        async with http.uow.transaction() as session:
            found = await deps.organizations.find(session, organization)
            history = await deps.histories.read(session, found.id, actor.user_id, since=since, until=until)
        return UsageHistoryView.of(history)

    @router.get(
        "/portal/{organization}/billing/usage.csv",
        operation_id="export_usage",
        tags=["Billing"],
        summary="The same as CSV, a row per day and subscription",
        response_class=Response,
        responses={200: {"content": {"text/csv": {}}}, **problems(401, 404, 422)},
    )
    async def usage_as_csv(
        organization: str, since: Since = None, until: Until = None, actor: Actor = Depends(http.current_actor)
    ) -> Response:
        """Amounts in major units."""
        async with http.uow.transaction() as session:
            found = await deps.organizations.find(session, organization)
            history = await deps.histories.read(session, found.id, actor.user_id, since=since, until=until)
        return csv_answer(usage_csv(history), f"usage-{history.since}-{history.until}.csv")


def _invoices(router: APIRouter, deps: UsageRoutes) -> None:
    http = deps.http

    @router.get(
        "/portal/{organization}/billing/invoices",
        operation_id="list_invoices",
        tags=["Billing"],
        summary="List your invoices",
        responses=problems(401, 404, 422),
    )
    async def invoices(
        organization: str, page: PageQuery, actor: Actor = Depends(http.current_actor)
    ) -> Page[InvoiceView]:
        """Newest first."""
        async with http.uow.transaction() as session:
            found = await deps.organizations.find(session, organization)
            rows = await deps.reader.invoices_of(session, found.id, actor.user_id, after=page.after, limit=page.fetch)
        return page.page(rows, InvoiceView.of, lambda row: row.invoice_id)

    @router.get(
        "/portal/{organization}/billing/invoices.csv",
        operation_id="export_invoices",
        tags=["Billing"],
        summary="Your invoices as CSV, a row per line",
        response_class=Response,
        responses={200: {"content": {"text/csv": {}}}, **problems(401, 404)},
    )
    async def invoices_as_csv(organization: str, actor: Actor = Depends(http.current_actor)) -> Response:
        """Newest first, at most 10,000; amounts in major units."""
        async with http.uow.transaction() as session:
            found = await deps.organizations.find(session, organization)
            rows = await deps.reader.invoices_of(
                session, found.id, actor.user_id, after=None, limit=MAX_EXPORTED_INVOICES
            )
        return csv_answer(invoices_csv(rows), "invoices.csv")

    @router.get(
        "/portal/{organization}/billing/invoices/{invoice}",
        operation_id="get_invoice",
        tags=["Billing"],
        summary="One of your invoices",
        responses=problems(401, 404),
    )
    async def invoice(organization: str, invoice: str, actor: Actor = Depends(http.current_actor)) -> InvoiceView:
        """With its lines, and where Stripe shows it and its PDF."""
        async with http.uow.transaction() as session:
            found = await deps.organizations.find(session, organization)
            return InvoiceView.of(await deps.reader.invoice(session, found.id, actor.user_id, invoice))


def _estimates(router: APIRouter, deps: UsageRoutes) -> None:
    @router.get(
        "/portal/{organization}/apis/{api}/estimates",
        operation_id="estimate_plans",
        tags=["Developer portal"],
        summary="What each plan would cost at a volume",
        responses=problems(404, 422),
    )
    async def estimate(
        organization: str,
        api: str,
        units: Annotated[int, Query(ge=0, le=MAX_UNITS, description="Requests per billing period.")],
    ) -> PlanEstimatesView:
        """With the arithmetic per line, and which plan is cheapest at this volume. Needs no sign-in."""
        async with deps.http.uow.transaction() as session:
            return PlanEstimatesView.of(await deps.estimates.of_api(session, organization, api, units))


def csv_answer(text: str, name: str) -> Response:
    """A download."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
