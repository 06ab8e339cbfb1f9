"""Finding an API, and what there is to know about one: overview, pricing, reference."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.applications.use_cases.applications import Applications
from portal_api.billing.use_cases.subscriptions import Subscriptions
from portal_api.billing.use_cases.usage_summary import BillingReader, NamedSubscription
from portal_api.catalog.domain.api import ContractOperation
from portal_api.catalog.domain.entry_price import lowest_entry_price
from portal_api.catalog.use_cases.portal import PortalCatalog, Search
from portal_api.catalog.use_cases.price_text import entry_price_text
from portal_api.catalog.use_cases.reading import PublishedApi
from portal_api.web.kit.pages import Kit, content_policy
from portal_api.web.kit.viewer import Viewer
from portal_api.web.portal.place import Places
from portal_api.web.portal.samples import Sample, samples

PAGE_SIZE = 24
MAX_SUBSCRIPTIONS = 100


@dataclass(frozen=True, slots=True)
class CatalogueDeps:
    """What these pages need."""

    kit: Kit
    places: Places
    catalog: PortalCatalog
    subscriptions: Subscriptions
    billing: BillingReader
    applications: Applications


@dataclass(frozen=True, slots=True)
class Card:
    """An API in the catalogue."""

    offer: PublishedApi
    price: str | None
    subscriptions: int


@dataclass(frozen=True, slots=True)
class ApiView:
    """An API with what its page shows."""

    offer: PublishedApi
    sandbox_url: str | None
    operations: tuple[ContractOperation, ...]
    samples: tuple[Sample, ...]
    mine: tuple[NamedSubscription, ...]
    price: str | None


def add_pages(router: APIRouter, deps: CatalogueDeps) -> None:
    """All of them."""
    _list(router, deps)
    _overview(router, deps)
    _reference(router, deps)


def _list(router: APIRouter, deps: CatalogueDeps) -> None:
    kit = deps.kit
    anybody = Annotated[Viewer, Depends(kit.anybody())]

    @router.get("/portal/{organization}")
    async def home(organization: str) -> Response:
        return RedirectResponse(f"/portal/{organization}/apis", status_code=303)

    @router.get("/portal/{organization}/apis")
    async def apis(
        request: Request, organization: str, viewer: anybody, q: str = "", tag: str = "", after: str = ""
    ) -> Response:
        q, tag = q.strip()[:200], tag[:50]
        async with kit.http.uow.transaction() as session:
            place = await deps.places.at(session, viewer, organization)
            _, offers = await deps.catalog.search(
                session, organization, Search(q, tag or None), limit=PAGE_SIZE + 1, after=after or None
            )
            tags = await deps.catalog.tags(session, organization)
            mine = await _mine(session, deps, viewer, place.organization.id)
        counts: dict[str, int] = {}
        for one in mine:
            if not one.subscription.is_ended:
                counts[one.subscription.api_id] = counts.get(one.subscription.api_id, 0) + 1
        cards = [Card(offer, price_from(offer), counts.get(offer.api.id, 0)) for offer in offers[:PAGE_SIZE]]
        following = offers[PAGE_SIZE - 1].api.id if len(offers) > PAGE_SIZE else ""
        return kit.page(
            request, viewer, "portal/apis.html", place=place, cards=cards, tags=tags, q=q, tag=tag, following=following
        )


def _overview(router: APIRouter, deps: CatalogueDeps) -> None:
    kit = deps.kit
    anybody = Annotated[Viewer, Depends(kit.anybody())]

    @router.get("/portal/{organization}/apis/{api}")
    async def overview(request: Request, organization: str, api: str, viewer: anybody) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await deps.places.at(session, viewer, organization)
            view = await api_view(session, deps, viewer, organization, api)
        return kit.page(request, viewer, "portal/api_overview.html", place=place, view=view, tab="overview")

    @router.get("/portal/{organization}/apis/{api}/pricing")
    async def pricing(request: Request, organization: str, api: str, viewer: anybody) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await deps.places.at(session, viewer, organization)
            view = await api_view(session, deps, viewer, organization, api)
        return kit.page(request, viewer, "portal/api_pricing.html", place=place, view=view, tab="pricing")


def _reference(router: APIRouter, deps: CatalogueDeps) -> None:
    kit = deps.kit
    anybody = Annotated[Viewer, Depends(kit.anybody())]

    @router.get("/portal/{organization}/apis/{api}/reference")
    async def reference(request: Request, organization: str, api: str, viewer: anybody) -> Response:
        """The viewer's own scripts and styles; calls go to the gateway, which answers for our origin."""
        async with kit.http.uow.transaction() as session:
            place = await deps.places.at(session, viewer, organization)
            view = await api_view(session, deps, viewer, organization, api)
        policy = content_policy(connect=origin_of(view.offer.gateway_url)).replace(
            "style-src 'self';", "style-src 'self' 'unsafe-inline';"
        )
        return kit.page(
            request, viewer, "portal/api_reference.html", place=place, view=view, tab="reference", policy=policy
        )


async def api_view(
    session: AsyncSession, deps: CatalogueDeps, viewer: Viewer, organization: str, api_id: str
) -> ApiView:
    """What every tab of an API's page shows."""
    offer = await deps.catalog.reader.published_api(session, organization, api_id)
    operations = tuple(await deps.catalog.reader.operations(session, offer.api))
    mine = await _mine(session, deps, viewer, offer.api.organization_id)
    sandbox = deps.catalog.reader.gateway_url(offer.api, "development") if offer.api.development else None
    return ApiView(
        offer=offer,
        sandbox_url=sandbox,
        operations=operations,
        samples=samples(offer.gateway_url, operations),
        mine=tuple(one for one in mine if one.subscription.api_id == offer.api.id and not one.subscription.is_ended),
        price=price_from(offer),
    )


def price_from(offer: PublishedApi) -> str | None:
    """`$0.02 per request`; None where no plan is enabled."""
    price = lowest_entry_price(plan.current for plan in offer.plans)
    return entry_price_text(price) if price else None


def origin_of(url: str) -> str:
    """`https://host:port`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def _mine(
    session: AsyncSession, deps: CatalogueDeps, viewer: Viewer, organization_id: str
) -> tuple[NamedSubscription, ...]:
    if viewer.actor is None:
        return ()
    rows = await deps.subscriptions.listed(
        session, organization_id, viewer.actor.user_id, application_id=None, after=None, limit=MAX_SUBSCRIPTIONS
    )
    return tuple(await deps.billing.named(session, [row for row in rows if not row.is_ended]))
