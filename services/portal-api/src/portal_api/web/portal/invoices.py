"""Invoices: as they are at Stripe, with their PDF, their page there, and all of them as CSV."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from portal_api.billing.use_cases.exporting import invoices_csv
from portal_api.web.kit.viewer import Viewer
from portal_api.web.portal.billing import BillingDeps, csv_answer, tabs
from portal_api.web.portal.subscribing import actor_of

PAGE_SIZE = 25
MAX_EXPORTED = 10_000


def add_pages(router: APIRouter, deps: BillingDeps) -> None:
    """All of them."""
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/portal/{organization}/billing/invoices")
    async def invoices(request: Request, organization: str, viewer: signed_in, after: str = "") -> Response:
        async with kit.http.uow.transaction() as session:
            place = await deps.places.at(session, viewer, organization)
            rows = await deps.reader.invoices_of(
                session, place.organization.id, actor_of(viewer).user_id, after=after or None, limit=PAGE_SIZE + 1
            )
        following = rows[PAGE_SIZE - 1].invoice_id if len(rows) > PAGE_SIZE else ""
        return kit.page(
            request, viewer, "portal/invoices.html", place=place, tabs=tabs(place, "Invoices"),
            invoices=rows[:PAGE_SIZE], following=following, after=after,
        )  # fmt: skip

    @router.get("/portal/{organization}/billing/invoices.csv")
    async def export(organization: str, viewer: signed_in) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await deps.places.at(session, viewer, organization)
            rows = await deps.reader.invoices_of(
                session, place.organization.id, actor_of(viewer).user_id, after=None, limit=MAX_EXPORTED
            )
        return csv_answer(invoices_csv(rows), "invoices.csv")

    @router.get("/portal/{organization}/billing/invoices/{invoice}")
    async def one(request: Request, organization: str, invoice: str, viewer: signed_in) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await deps.places.at(session, viewer, organization)
            found = await deps.reader.invoice(session, place.organization.id, actor_of(viewer).user_id, invoice)
        return kit.page(
            request, viewer, "portal/invoice.html", place=place, tabs=tabs(place, "Invoices"), invoice=found
        )
