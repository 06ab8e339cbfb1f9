"""A project's APIs, and one API at a glance."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from portal_api.web.console.wiring import Console
from portal_api.web.kit.viewer import Viewer

MAX_LISTED = 100


def add_pages(router: APIRouter, console: Console) -> None:
    """Project home, API overview."""
    _project(router, console)
    _api(router, console)


def _project(router: APIRouter, console: Console) -> None:
    signed_in = Annotated[Viewer, Depends(console.kit.signed_in())]

    @router.get("/console/{organization}/projects/{project}")
    async def project_home(
        request: Request, organization: str, project: str, viewer: signed_in, after: str | None = None
    ) -> Response:
        async with console.kit.http.uow.transaction() as session:
            place = await console.at(session, viewer, organization, project=project)
            rows = await console.catalog.list_apis(
                session, viewer.user, organization, project, limit=MAX_LISTED + 1, after=after
            )
        apis, more = rows[:MAX_LISTED], len(rows) > MAX_LISTED
        following = f"{place.project_base}?after={apis[-1].id}" if more else ""
        return console.page(
            request,
            viewer,
            "project.html",
            place,
            apis=apis,
            next_href=following,
            gateway_url=console.catalog.gateway_url,
            sample=bool(console.sample_contract_url),
        )

    @router.get("/console/{organization}/projects/{project}/api-proxy")
    async def api_proxy(request: Request, organization: str, project: str, viewer: signed_in) -> Response:
        place = await console.place(viewer, organization, project=project)
        return console.page(request, viewer, "api_proxy.html", place, sample=bool(console.sample_contract_url))


def _api(router: APIRouter, console: Console) -> None:
    signed_in = Annotated[Viewer, Depends(console.kit.signed_in())]

    @router.get("/console/{organization}/apis/{api}")
    async def overview(request: Request, organization: str, api: str, viewer: signed_in) -> Response:
        async with console.kit.http.uow.transaction() as session:
            place = await console.at(session, viewer, organization, api=api)
            found, steps = await console.releases.lifecycle(session, viewer.user, api)
            operations = await console.catalog.operations(session, found)
            plans = await console.catalog.enabled_plans(session, found)
        url = console.catalog.gateway_url(found)
        first = next((one for one in operations if one.method == "GET" and "{" not in one.path_template), None)
        path = (first or operations[0]).path_template if operations else "/"
        samples = [
            ("curl", f'curl "{url}{path}" \\\n  -H "Authorization: Bearer <your-token>"'),
            ("Python", _PYTHON.format(url=url, path=path)),
            ("JavaScript", _JAVASCRIPT.format(url=url, path=path)),
        ]
        values: dict[str, Any] = {
            "api": found,
            "operations": operations,
            "plans": plans,
            "url": url,
            "samples": samples,
        }
        return console.page(request, viewer, "api.html", place, steps=steps, **values)


_PYTHON = """import requests

answer = requests.get(
    "{url}{path}",
    headers={{"Authorization": "Bearer <your-token>"}},
    timeout=30,
)
print(answer.status_code, answer.json())"""
_JAVASCRIPT = """const answer = await fetch("{url}{path}", {{
  headers: {{ Authorization: "Bearer <your-token>" }},
}});
console.log(answer.status, await answer.json());"""
