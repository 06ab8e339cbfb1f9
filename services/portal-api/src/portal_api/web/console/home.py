"""The organization's home: its projects, and what comes next."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from portal_api.web.console.place import Places
from portal_api.web.kit.pages import Kit
from portal_api.web.kit.viewer import Viewer


def add_pages(router: APIRouter, kit: Kit, places: Places) -> None:
    """The home page."""
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/console/{organization}")
    async def home(request: Request, organization: str, viewer: signed_in) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await places.at(session, viewer.user, organization)
        return kit.page(request, viewer, "console/home.html", place=place)
