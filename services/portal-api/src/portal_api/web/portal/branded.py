"""What an organization adds to its portal: a style sheet with its accent, its logo, and its own pages."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from portal_api.organizations.domain.branding import PAGE_TITLES, PageName
from portal_api.organizations.use_cases.branding import Brandings
from portal_api.web.kit.markdown import render
from portal_api.web.kit.pages import Kit, file_answer
from portal_api.web.kit.viewer import Viewer
from portal_api.web.portal.place import Places


@dataclass(frozen=True, slots=True)
class BrandedDeps:
    """What these pages need."""

    kit: Kit
    places: Places
    brandings: Brandings


def add_pages(router: APIRouter, deps: BrandedDeps) -> None:
    """All of them; public, as the catalogue is."""
    _files(router, deps)
    _pages(router, deps)


def _files(router: APIRouter, deps: BrandedDeps) -> None:
    kit, brandings = deps.kit, deps.brandings

    @router.get("/portal/{organization}/brand.css")
    async def style(request: Request, organization: str) -> Response:
        async with kit.http.uow.transaction() as session:
            found = await brandings.organizations.find(session, organization)
            branding = await brandings.of_portal(session, found.id)
        return file_answer(request, branding.style_sheet.encode(), "text/css; charset=utf-8", branding.style_version)

    @router.get("/portal/{organization}/logo.png")
    async def logo(request: Request, organization: str) -> Response:
        async with kit.http.uow.transaction() as session:
            found = await brandings.shown_logo(session, organization)
        return file_answer(request, found.content, "image/png", found.sha256[:16])


def _pages(router: APIRouter, deps: BrandedDeps) -> None:
    kit = deps.kit

    @router.get("/portal/{organization}/pages/{page}")
    async def page(
        request: Request, organization: str, page: PageName, viewer: Annotated[Viewer, Depends(kit.anybody())]
    ) -> Response:
        """A page that the organization wrote."""
        async with kit.http.uow.transaction() as session:
            place = await deps.places.at(session, viewer, organization)
            _, markdown = await deps.brandings.shown_page(session, organization, page)
        return kit.page(
            request, viewer, "portal/branded.html", place=place, title=PAGE_TITLES[page], body=render(markdown)
        )
