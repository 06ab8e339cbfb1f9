"""The Developer Portal of an organization: its APIs, and what a developer has there."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.applications.use_cases.applications import Applications
from portal_api.applications.use_cases.credentials import Credentials
from portal_api.billing.use_cases.explaining import line_text, line_title
from portal_api.billing.use_cases.subscriptions import Subscriptions
from portal_api.billing.use_cases.usage_summary import BillingReader
from portal_api.catalog.use_cases.reading import CatalogReader
from portal_api.identity.domain.access import Actor
from portal_api.web.kit.pages import Kit
from portal_api.web.kit.viewer import Viewer

MAX_ROWS = 100


@dataclass(frozen=True, slots=True)
class DeveloperPortal:
    """What `main` hands over."""

    kit: Kit
    catalog: CatalogReader
    applications: Applications
    credentials: Credentials
    subscriptions: Subscriptions
    billing: BillingReader


def create_router(deps: DeveloperPortal) -> APIRouter:
    """All pages."""
    router = deps.kit.router()
    kit = deps.kit
    anybody = Annotated[Viewer, Depends(kit.anybody())]

    @router.get("/portal/{organization}")
    async def portal(request: Request, organization: str, viewer: anybody) -> Response:
        async with kit.http.uow.transaction() as session:
            found, apis = await deps.catalog.published_apis(session, organization, limit=MAX_ROWS, after=None)
            mine = await _of_developer(session, deps, found.id, viewer.actor) if viewer.actor else None
        return kit.page(
            request,
            viewer,
            "portal/home.html",
            organization=found,
            apis=apis,
            mine=mine,
            step=line_text,
            title=line_title,
        )

    @router.get("/portal/{organization}/checkout/{outcome}")
    async def checkout(request: Request, organization: str, outcome: str, viewer: anybody) -> Response:
        async with kit.http.uow.transaction() as session:
            found, _ = await deps.catalog.published_apis(session, organization, limit=1, after=None)
        return kit.page(request, viewer, "portal/checkout.html", organization=found, paid=outcome == "return")

    return router


async def _of_developer(
    session: AsyncSession, deps: DeveloperPortal, organization_id: str, actor: Actor
) -> dict[str, Any]:
    applications = await deps.applications.listed(session, organization_id, actor.user_id, after=None, limit=MAX_ROWS)
    rows = await deps.subscriptions.listed(
        session, organization_id, actor.user_id, application_id=None, after=None, limit=MAX_ROWS
    )
    return {
        "applications": applications,
        "clients": {one.id: await deps.credentials.clients(session, one) for one in applications},
        "subscriptions": await deps.billing.named(session, rows),
        "checkouts": {row.id: await deps.subscriptions.checkout(session, row.id) for row in rows},
        "summary": await deps.billing.summary(session, organization_id, actor.user_id),
        "invoices": await deps.billing.invoices_of(session, organization_id, actor.user_id, after=None, limit=MAX_ROWS),
    }
