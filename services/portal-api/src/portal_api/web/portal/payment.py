"""Payment details: kept by Stripe alone, changed on Stripe's page."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from portal_api.web.kit.viewer import Viewer
from portal_api.web.portal.billing import BillingDeps, tabs


def add_pages(router: APIRouter, deps: BillingDeps) -> None:
    """The tab."""
    kit = deps.kit

    @router.get("/portal/{organization}/billing/payment")
    async def payment(
        request: Request, organization: str, viewer: Annotated[Viewer, Depends(kit.signed_in())]
    ) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await deps.places.at(session, viewer, organization)
        return kit.page(request, viewer, "portal/payment.html", place=place, tabs=tabs(place, "Payment details"))
