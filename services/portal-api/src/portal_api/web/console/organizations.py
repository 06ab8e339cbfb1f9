"""Organizations and projects: the first steps of a provider."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from portal_api.web.console.wiring import Console
from portal_api.web.kit.forms import Form
from portal_api.web.kit.viewer import Viewer
from shared.errors import DomainError

_ORGANIZATION_NAMES = {"privacy_policy_accepted": "privacy", "terms_accepted": "terms"}


def add_pages(router: APIRouter, console: Console) -> None:
    """All of them. `/console/new` stands before `/console/{organization}`, whose name it could be."""
    _organizations(router, console)
    _projects(router, console)


def _organizations(router: APIRouter, console: Console) -> None:
    kit, organizations = console.kit, console.organizations
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/console")
    async def begin(viewer: signed_in) -> Response:
        """To the first organization; without one, to its making."""
        async with kit.http.uow.transaction() as session:
            mine = await organizations.list_mine(session, viewer.user, limit=1, after=None)
        return RedirectResponse(f"/console/{mine[0][0].identifier}" if mine else "/console/new", status_code=303)

    @router.get("/console/new")
    async def new_organization(request: Request, viewer: signed_in) -> Response:
        return kit.page(request, viewer, "console/new_organization.html", form=Form.of())

    @router.post("/console/new")
    async def create_organization(request: Request, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        name = form.text("name", label="The name", required=True, max_length=100)
        identifier = form.text("identifier", max_length=40) or None
        if not form.errors:
            try:
                async with kit.http.uow.transaction() as session:
                    made = await organizations.create(
                        session,
                        viewer.user,
                        name=name,
                        identifier=identifier,
                        privacy_policy_accepted=form.flag("privacy"),
                        terms_accepted=form.flag("terms"),
                    )
                return kit.redirect(f"/console/{made.identifier}", flash=f"{made.name} is ready.")
            except DomainError as error:
                form.fail(error, _ORGANIZATION_NAMES)
        return kit.page(request, viewer, "console/new_organization.html", status=422, form=form)


def _projects(router: APIRouter, console: Console) -> None:
    kit, organizations = console.kit, console.organizations
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/console/{organization}/projects/new")
    async def new_project(request: Request, organization: str, viewer: signed_in) -> Response:
        place = await console.place(viewer, organization)
        return kit.page(request, viewer, "console/new_project.html", place=place, form=Form.of())

    @router.post("/console/{organization}/projects/new")
    async def create_project(request: Request, organization: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        name = form.text("display_name", label="The display name", required=True, max_length=100)
        identifier = form.text("identifier", max_length=40) or None
        description = form.text("description", max_length=2_000)
        place = await console.place(viewer, organization, role="publisher")
        if not form.errors:
            try:
                async with kit.http.uow.transaction() as session:
                    made = await organizations.create_project(
                        session,
                        viewer.user,
                        organization,
                        display_name=name,
                        identifier=identifier,
                        description=description,
                    )
                return kit.redirect(f"{place.base}/projects/{made.identifier}", flash=f"{name} is created.")
            except DomainError as error:
                form.fail(error)
        return kit.page(request, viewer, "console/new_project.html", status=422, place=place, form=form)
