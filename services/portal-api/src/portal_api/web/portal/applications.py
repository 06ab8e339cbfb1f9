"""Applications: list, create, look, change, delete."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from portal_api.applications.use_cases.applications import Applications, NewApplication
from portal_api.applications.use_cases.credentials import Credentials
from portal_api.billing.use_cases.subscriptions import Subscriptions
from portal_api.billing.use_cases.usage_summary import BillingReader
from portal_api.web.kit.forms import Form
from portal_api.web.kit.pages import Kit
from portal_api.web.kit.viewer import Viewer
from portal_api.web.portal.place import Places
from portal_api.web.portal.subscribing import actor_of
from shared.errors import DomainError

PAGE_SIZE = 50
MAX_SUBSCRIPTIONS = 1_000


@dataclass(frozen=True, slots=True)
class ApplicationDeps:
    """What these pages need."""

    kit: Kit
    places: Places
    applications: Applications
    credentials: Credentials
    subscriptions: Subscriptions
    billing: BillingReader


def add_pages(router: APIRouter, deps: ApplicationDeps) -> None:
    """All of them."""
    _list(router, deps)
    _create(router, deps)
    _one(router, deps)
    _change(router, deps)


async def _list_page(
    request: Request,
    deps: ApplicationDeps,
    viewer: Viewer,
    organization: str,
    after: str,
    form: Form,
    status: int = 200,
) -> Response:
    kit, actor = deps.kit, actor_of(viewer)
    async with kit.http.uow.transaction() as session:
        place = await deps.places.at(session, viewer, organization)
        rows = await deps.applications.listed(
            session, place.organization.id, actor.user_id, after=after or None, limit=PAGE_SIZE + 1
        )
        subscriptions = await deps.subscriptions.listed(
            session, place.organization.id, actor.user_id, application_id=None, after=None, limit=MAX_SUBSCRIPTIONS
        )
    live: dict[str, int] = {}
    for one in subscriptions:
        if not one.is_ended:
            live[one.application_id] = live.get(one.application_id, 0) + 1
    following = rows[PAGE_SIZE - 1].id if len(rows) > PAGE_SIZE else ""
    return kit.page(
        request, viewer, "portal/applications.html", status=status, place=place, applications=rows[:PAGE_SIZE],
        live=live, form=form, following=following,
    )  # fmt: skip


def _list(router: APIRouter, deps: ApplicationDeps) -> None:
    @router.get("/portal/{organization}/applications")
    async def applications(
        request: Request,
        organization: str,
        viewer: Annotated[Viewer, Depends(deps.kit.signed_in())],
        after: str = "",
    ) -> Response:
        return await _list_page(request, deps, viewer, organization, after, Form())


def _create(router: APIRouter, deps: ApplicationDeps) -> None:
    kit = deps.kit

    @router.post("/portal/{organization}/applications")
    async def create(
        request: Request, organization: str, viewer: Annotated[Viewer, Depends(kit.signed_in())]
    ) -> Response:
        form = await kit.form(request, viewer)
        name = form.text("name", label="A name", required=True, max_length=100)
        description = form.text("description", max_length=1_000)
        if not form.errors:
            try:
                async with kit.http.uow.transaction() as session:
                    place = await deps.places.at(session, viewer, organization)
                    made = await deps.applications.create(
                        session, place.organization.id, actor_of(viewer).user_id, NewApplication(name, description)
                    )
                return kit.redirect(f"{place.base}/applications/{made.id}", flash=f"{made.name} is created.")
            except DomainError as error:
                form.fail(error)
        return await _list_page(request, deps, viewer, organization, "", form, status=422)


async def _one_page(
    request: Request, deps: ApplicationDeps, viewer: Viewer, organization: str, application: str, form: Form | None,
    status: int = 200,
) -> Response:  # fmt: skip
    kit, actor = deps.kit, actor_of(viewer)
    async with kit.http.uow.transaction() as session:
        place = await deps.places.at(session, viewer, organization)
        found = await deps.applications.owned(session, application, actor.user_id)
        rows = await deps.subscriptions.listed(
            session, place.organization.id, actor.user_id, application_id=found.id, after=None, limit=MAX_SUBSCRIPTIONS
        )
        named = await deps.billing.named(session, [row for row in rows if not row.is_ended])
        clients = await deps.credentials.clients(session, found)
        keys = await deps.credentials.keys(session, found)
    live = [one.environment for one in clients if one.status == "active"]
    live += [one.environment for one in keys if one.status == "active"]
    return kit.page(
        request, viewer, "portal/application.html", status=status, place=place, application=found, subscriptions=named,
        production=live.count("production"),
        sandbox=live.count("sandbox"),
        refused=form is not None, form=form or Form.of(name=found.name, description=found.description),
    )  # fmt: skip


def _one(router: APIRouter, deps: ApplicationDeps) -> None:
    @router.get("/portal/{organization}/applications/{application}")
    async def one(
        request: Request,
        organization: str,
        application: str,
        viewer: Annotated[Viewer, Depends(deps.kit.signed_in())],
    ) -> Response:
        return await _one_page(request, deps, viewer, organization, application, None)


def _change(router: APIRouter, deps: ApplicationDeps) -> None:
    kit = deps.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.post("/portal/{organization}/applications/{application}")
    async def change(request: Request, organization: str, application: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        name = form.text("name", label="A name", required=True, max_length=100)
        description = form.text("description", max_length=1_000)
        if not form.errors:
            try:
                async with kit.http.uow.transaction() as session:
                    await deps.applications.change(
                        session, application, actor_of(viewer).user_id, name=name, description=description,
                        access_token_lifetime_seconds=None,
                    )  # fmt: skip
                return kit.redirect(request.url.path, flash="Saved.")
            except DomainError as error:
                form.fail(error)
        return await _one_page(request, deps, viewer, organization, application, form, status=422)

    @router.post("/portal/{organization}/applications/{application}/delete")
    async def delete(request: Request, organization: str, application: str, viewer: signed_in) -> Response:
        """Credentials end at once, live subscriptions are cancelled and billed to the last call."""
        form = await kit.form(request, viewer)
        actor = actor_of(viewer)
        async with kit.http.uow.transaction() as session:
            place = await deps.places.at(session, viewer, organization)
            found = await deps.applications.owned(session, application, actor.user_id, lock=True)
            if form.text("confirm") != found.name:
                return kit.redirect(
                    f"{place.base}/applications/{found.id}",
                    flash="Nothing was deleted: the name was not typed.",
                    tone="bad",
                )
            deleted = await deps.applications.delete(session, application, actor.user_id)
        waits = " Its subscriptions are ending." if deleted.status == "deleting" else ""
        return kit.redirect(f"{place.base}/applications", flash=f"{deleted.name} is deleted.{waits}")

    @router.get("/portal/{organization}/applications/{application}/keys")
    async def keys(organization: str, application: str) -> Response:
        return RedirectResponse(f"/portal/{organization}/applications/{application}/keys/production", status_code=303)
