"""Insights of an API: calls and errors over time, with a live figure."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.use_cases.provider_billing import SPANS
from portal_api.web.console.home import call_chart
from portal_api.web.console.wiring import Console
from portal_api.web.kit.viewer import Viewer

NAMES = {"1h": "the last hour", "24h": "the last 24 hours", "7d": "the last 7 days", "30d": "the last 30 days"}


def add_pages(router: APIRouter, console: Console) -> None:
    """The page and its stream."""
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]
    wanted = Annotated[str, Query(max_length=8)]

    async def values_of(
        session: AsyncSession, viewer: Viewer, organization: str, api: str, span: str
    ) -> dict[str, Any]:
        calls = await console.provider.calls(session, viewer.user, organization, api_id=api, span=span)
        return {"calls": calls, "chart": call_chart(calls, viewer, f"Calls of {NAMES[span]}"), "span": span}

    @router.get("/console/{organization}/apis/{api}/insights")
    async def insights(
        request: Request, organization: str, api: str, viewer: signed_in, span: wanted = "24h"
    ) -> Response:
        span = span if span in SPANS else "24h"
        async with kit.http.uow.transaction() as session:
            place = await console.at(session, viewer, organization, api=api)
            values = await values_of(session, viewer, organization, api, span)
            counts = await console.provider.live_counts(session, viewer.user, organization)
        values |= {"names": NAMES, "subscriptions": counts.by_api.get(api, 0), "url": ""}
        if place.api is not None:
            values["url"] = console.catalog.gateway_url(place.api)
        return console.page(request, viewer, "insights.html", place, **values)

    @router.get("/console/{organization}/apis/{api}/insights/live")
    async def live(request: Request, organization: str, api: str, viewer: signed_in, span: wanted = "24h") -> Response:
        await console.place(viewer, organization, api=api)

        chosen = span if span in SPANS else "24h"

        async def render() -> str:
            async with kit.http.uow.transaction() as session:
                place = await console.at(session, viewer, organization, api=api)
                values = await values_of(session, viewer, organization, api, chosen)
                counts = await console.provider.live_counts(session, viewer.user, organization)
            values |= {"names": NAMES, "subscriptions": counts.by_api.get(api, 0), "url": ""}
            if place.api is not None:
                values["url"] = console.catalog.gateway_url(place.api)
            return kit.fragment(viewer, "console/insights_figures.html", place=place, **values)

        return kit.live.stream(request, render)
