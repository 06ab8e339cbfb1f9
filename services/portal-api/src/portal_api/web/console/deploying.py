"""Deploy: Development and Production side by side, promotion with its diff, and the way back."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.web.console.place import Place
from portal_api.web.console.wiring import Console
from portal_api.web.kit.forms import Form
from portal_api.web.kit.viewer import Viewer
from shared.errors import DomainError
from shared.events.catalog import Deployment, Environment

HISTORY = 10


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a diff between two deployments."""

    kind: str
    text: str


def add_pages(router: APIRouter, console: Console) -> None:
    """The page and its three acts."""
    _show(router, console)
    _deploy(router, console)
    _roll_back(router, console)


def _show(router: APIRouter, console: Console) -> None:
    signed_in = Annotated[Viewer, Depends(console.kit.signed_in())]

    @router.get("/console/{organization}/apis/{api}/deploy")
    async def deploy_page(request: Request, organization: str, api: str, viewer: signed_in) -> Response:
        return await _page(console, request, viewer, organization, api, Form.of(endpoint="development"))

    @router.get("/console/{organization}/apis/{api}/deploy/live")
    async def live(request: Request, organization: str, api: str, viewer: signed_in) -> Response:
        await console.place(viewer, organization, api=api)

        async def render() -> str:
            async with console.kit.http.uow.transaction() as session:
                await console.at(session, viewer, organization, api=api)
                values = await _state(console, session, viewer, api)
            return console.kit.fragment(viewer, "console/deploy_state.html", **values)

        return console.kit.live.stream(request, render, {api})


def _deploy(router: APIRouter, console: Console) -> None:
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.post("/console/{organization}/apis/{api}/deploy")
    async def deploy(request: Request, organization: str, api: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        place = await console.place(viewer, organization, api=api, role="publisher")
        url = form.text("endpoint_url", max_length=2_000) or None
        try:
            async with kit.http.uow.transaction() as session:
                _, made = await console.deployments.deploy(session, viewer.user, api, url)
        except DomainError as error:
            form.fail(error)
            return await _page(console, request, viewer, organization, api, form, status=error.status)
        return kit.redirect(f"{place.api_base}/deploy", flash=f"Revision {made.revision} is in Development.")

    @router.post("/console/{organization}/apis/{api}/promote")
    async def promote(request: Request, organization: str, api: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        place = await console.place(viewer, organization, api=api, role="publisher")
        same = form.text("endpoint") != "other"
        url = None if same else form.text("production_url", max_length=2_000) or None
        try:
            async with kit.http.uow.transaction() as session:
                _, made = await console.deployments.promote(
                    session, viewer.user, api, use_development_endpoint_configuration=same, endpoint_url=url
                )
        except DomainError as error:
            form.fail(error, {"endpoint_url": "production_url"})
            return await _page(console, request, viewer, organization, api, form, status=error.status)
        return kit.redirect(f"{place.api_base}/deploy", flash=f"Revision {made.revision} is in Production.")


def _roll_back(router: APIRouter, console: Console) -> None:
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.post("/console/{organization}/apis/{api}/roll-back")
    async def roll_back(request: Request, organization: str, api: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        place = await console.place(viewer, organization, api=api, role="publisher")
        environment: Environment = "development" if form.text("environment") == "development" else "production"
        revision = form.integer("revision") or 0
        try:
            async with kit.http.uow.transaction() as session:
                _, made = await console.deployments.roll_back(
                    session, viewer.user, api, environment=environment, revision=revision
                )
        except DomainError as error:
            form.fail(error)
            return await _page(console, request, viewer, organization, api, form, status=error.status)
        text = f"{environment.capitalize()} is back at revision {revision}, as revision {made.revision}."
        return kit.redirect(f"{place.api_base}/deploy", flash=text)


async def _page(
    console: Console,
    request: Request,
    viewer: Viewer,
    organization: str,
    api: str,
    form: Form,
    *,
    status: int = 200,
) -> Response:
    async with console.kit.http.uow.transaction() as session:
        place: Place = await console.at(session, viewer, organization, api=api)
        found = await console.catalog.require_api(session, viewer.user, api)
        history = await console.deployments.history(session, viewer.user, api, limit=HISTORY)
        state = await _state(console, session, viewer, api)
    environments = [(name, found.deployed(name), console.catalog.gateway_url(found, name)) for name in _ENVIRONMENTS]
    endpoint = found.development_endpoint_url or found.contract_endpoint_url
    if "endpoint_url" not in form.values and endpoint:
        form.values["endpoint_url"] = [endpoint]
    values = {
        "form": form,
        "environments": environments,
        "history": history,
        "endpoint": endpoint,
        "changes": difference(found.production, found.development),
        **state,
    }
    return console.page(request, viewer, "deploy.html", place, status=status, api=found, **values)


async def _state(console: Console, session: AsyncSession, viewer: Viewer, api: str) -> dict[str, object]:
    """What runs where, and whether the gateways have been told."""
    found = await console.catalog.require_api(session, viewer.user, api)
    return {
        "deployed": [(name, found.deployed(name)) for name in _ENVIRONMENTS],
        "waiting": await console.deployments.is_on_its_way(session, viewer.user, api),
    }


_ENVIRONMENTS: tuple[Environment, ...] = ("development", "production")


def difference(before: Deployment | None, after: Deployment | None) -> list[Change]:
    """What a promotion would change in Production."""
    if after is None:
        return []
    old = {f"{one.method} {one.path_template}" for one in before.operations} if before else set()
    new = {f"{one.method} {one.path_template}" for one in after.operations}
    changes = [Change("added", name) for name in sorted(new - old, key=_by_path)]
    changes += [Change("removed", name) for name in sorted(old - new, key=_by_path)]
    if before is not None and before.upstream_url != after.upstream_url:
        changes.append(Change("changed", f"Endpoint: {before.upstream_url} → {after.upstream_url}"))
    return changes


def _by_path(name: str) -> tuple[str, str]:
    method, _, path = name.partition(" ")
    return path, method
