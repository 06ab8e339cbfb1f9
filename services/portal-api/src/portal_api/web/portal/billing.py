"""Billing: Usage Summary with the arithmetic behind it, live; and the tabs beside it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.domain.usage import behind_since
from portal_api.billing.domain.usage_history import Tally
from portal_api.billing.use_cases.explaining import line_reason, rule_text
from portal_api.billing.use_cases.exporting import usage_csv
from portal_api.billing.use_cases.usage_history import UsageHistories, UsageHistory
from portal_api.billing.use_cases.usage_summary import BillingReader, UsageSummary
from portal_api.web.kit.pages import Kit
from portal_api.web.kit.viewer import Viewer
from portal_api.web.portal.place import Place, Places
from portal_api.web.portal.subscribing import actor_of
from portal_api.web.portal.usage_chart import usage_chart
from shared.errors import DomainError


@dataclass(frozen=True, slots=True)
class BillingDeps:
    """What these pages need."""

    kit: Kit
    places: Places
    reader: BillingReader
    histories: UsageHistories


@dataclass(frozen=True, slots=True)
class Figures:
    """The three figures of the tab, and how fresh they are."""

    calls: int
    active_subscriptions: int
    cost: tuple[tuple[int, str], ...]
    forecast: tuple[tuple[int, str], ...]
    as_of: datetime
    behind_since: datetime | None


def tabs(place: Place, current: str) -> list[tuple[str, str, bool]]:
    """Of every billing page."""
    base = f"{place.base}/billing"
    names = (
        ("Usage Summary", base),
        ("Invoices", f"{base}/invoices"),
        ("Billed Subscriptions", f"{base}/subscriptions"),
        ("Payment details", f"{base}/payment"),
    )
    return [(name, href, name == current) for name, href in names]


def figures(summary: UsageSummary) -> Figures:
    """One sum per currency: currencies do not add up."""
    cost: dict[str, int] = {}
    expected: dict[str, int] = {}
    for usage in summary.usage:
        currency = usage.estimate.currency
        cost[currency] = cost.get(currency, 0) + usage.estimate.amount_minor
        ahead = usage.forecast.amount_minor if usage.forecast else usage.estimate.amount_minor
        expected[currency] = expected.get(currency, 0) + ahead
    return Figures(
        calls=sum(usage.estimate.calls for usage in summary.usage),
        active_subscriptions=summary.active_subscriptions,
        cost=tuple((cost[currency], currency) for currency in sorted(cost)),
        forecast=tuple((expected[currency], currency) for currency in sorted(expected)),
        as_of=summary.as_of,
        behind_since=behind_since(summary.as_of, summary.complete_until),
    )


def by_api(summary: UsageSummary) -> list[tuple[str, Tally]]:
    """Of the present periods, so that it adds up to the figures above; the most called first."""
    found: dict[str, tuple[str, Tally]] = {}
    for usage in summary.usage:
        row, estimate = usage.named.subscription, usage.estimate
        name = usage.named.api.display_name if usage.named.api else row.api_id
        amounts = {estimate.currency: estimate.amount_minor}
        tally = Tally(estimate.calls, estimate.calls_not_billed, estimate.units, amounts)
        found.setdefault(row.api_id, (name, Tally()))[1].add(tally)
    return sorted(found.values(), key=lambda one: (-one[1].calls, one[0]))


def add_pages(router: APIRouter, deps: BillingDeps) -> None:
    """All of them."""
    _summary(router, deps)
    _explain(router, deps)
    _export(router, deps)


async def _usage(session: AsyncSession, deps: BillingDeps, place: Place, viewer: Viewer) -> dict[str, Any]:
    organization_id, developer_id = place.organization.id, actor_of(viewer).user_id
    summary = await deps.reader.summary(session, organization_id, developer_id)
    history: UsageHistory = await deps.histories.read(session, organization_id, developer_id, known=summary)
    return {
        "place": place,
        "summary": summary,
        "figures": figures(summary),
        "by_api": by_api(summary),
        "history": history,
        "chart": usage_chart(history, summary, viewer.locale),
    }


def _summary(router: APIRouter, deps: BillingDeps) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/portal/{organization}/billing")
    async def summary(request: Request, organization: str, viewer: signed_in) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await deps.places.at(session, viewer, organization)
            found = await _usage(session, deps, place, viewer)
        return kit.page(request, viewer, "portal/usage.html", tabs=tabs(place, "Usage Summary"), **found)

    @router.get("/portal/{organization}/billing/live")
    async def live(request: Request, organization: str, viewer: signed_in) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await deps.places.at(session, viewer, organization)

        about = {actor_of(viewer).user_id}

        async def render() -> str:
            async with kit.http.uow.transaction() as session:
                found = await _usage(session, deps, place, viewer)
            about.update(usage.named.subscription.id for usage in found["summary"].usage)
            return kit.fragment(viewer, "portal/usage_state.html", **found)

        return kit.live.stream(request, render, about)


def _explain(router: APIRouter, deps: BillingDeps) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/portal/{organization}/billing/explain/{subscription}")
    async def explain(
        request: Request, organization: str, subscription: str, viewer: signed_in, drawer: int = 0
    ) -> Response:
        """Why a subscription's period costs what it costs; `drawer`: only the inside, for the dialog."""
        async with kit.http.uow.transaction() as session:
            place = await deps.places.at(session, viewer, organization)
            summary = await deps.reader.summary(session, place.organization.id, actor_of(viewer).user_id)
        usage = next((one for one in summary.usage if one.named.subscription.id == subscription), None)
        if usage is None:
            raise DomainError(
                "subscription-not-found", 404, "No such subscription", "It is not yours, or has no running period."
            )
        values: dict[str, Any] = {"place": place, "usage": usage, "line_reason": line_reason, "rule_text": rule_text}
        if drawer:
            html = kit.fragment(viewer, "portal/explain_body.html", **values)
            return HTMLResponse(html, headers={"Cache-Control": "no-store"})
        return kit.page(request, viewer, "portal/explain.html", tabs=tabs(place, "Usage Summary"), **values)


def _export(router: APIRouter, deps: BillingDeps) -> None:
    kit = deps.kit

    @router.get("/portal/{organization}/billing/usage.csv")
    async def export(organization: str, viewer: Annotated[Viewer, Depends(kit.signed_in())]) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await deps.places.at(session, viewer, organization)
            history = await deps.histories.read(session, place.organization.id, actor_of(viewer).user_id)
        return csv_answer(usage_csv(history), f"usage-{history.since}-{history.until}.csv")


def csv_answer(text: str, name: str) -> Response:
    """A download."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
