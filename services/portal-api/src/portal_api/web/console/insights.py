"""Insights of an API: calls and errors over time, with a live figure."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.domain.usage import about_api
from portal_api.billing.use_cases.provider_billing import SPANS
from portal_api.web.console.home import call_chart
from portal_api.web.console.place import Place
from portal_api.web.console.wiring import Console
from portal_api.web.kit.viewer import Viewer

NAMES = {"1h": "the last hour", "24h": "the last 24 hours", "7d": "the last 7 days", "30d": "the last 30 days"}


def add_pages(router: APIRouter, console: Console) -> None:
    """The page and its stream."""
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]
    wanted = Annotated[str, Query(max_length=8)]

    async def values_of(session: AsyncSession, viewer: Viewer, place: Place, api: str, span: str) -> dict[str, Any]:
        organization = place.organization.id
        calls = await console.provider.calls(session, viewer.user, organization, api_id=api, span=span)
        recent = calls
        if span != "1h":
            recent = await console.provider.calls(session, viewer.user, organization, api_id=api, span="1h")
        return {
            "calls": calls,
            "recent": recent,
            "chart": call_chart(calls, viewer, f"Calls of {NAMES[span]}"),
            "span": span,
            "names": NAMES,
            "subscriptions": await console.provider.live_count(session, viewer.user, organization, api_id=api),
            "url": console.catalog.gateway_url(place.api) if place.api is not None else "",
        }

    @router.get("/console/{organization}/apis/{api}/insights")
    async def insights(
        request: Request, organization: str, api: str, viewer: signed_in, span: wanted = "24h"
    ) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await console.at(session, viewer, organization, api=api)
            values = await values_of(session, viewer, place, api, span if span in SPANS else "24h")
        return console.page(request, viewer, "insights.html", place, **values)

    @router.get("/console/{organization}/apis/{api}/insights/live")
    async def live(request: Request, organization: str, api: str, viewer: signed_in, span: wanted = "24h") -> Response:
        place = await console.place(viewer, organization, api=api)
        about = {place.organization.id, about_api(place.api.number if place.api else 0)}

        async def render() -> str:
            async with kit.http.uow.transaction() as session:
                place = await console.at(session, viewer, organization, api=api)
                values = await values_of(session, viewer, place, api, span if span in SPANS else "24h")
            return kit.fragment(viewer, "console/insights_figures.html", place=place, **values)

        return kit.live.stream(request, render, about)
