"""The catalogue that developers see: open to everybody."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from portal_api.catalog.entrypoints.plan_schemas import PortalApiView
from portal_api.catalog.use_cases.portal import PortalCatalog, Search
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import problems
from portal_api.http.paging import Page, PageQuery

SearchText = Annotated[str, Query(max_length=200, description="Every word is somewhere in name, description or tags.")]
Tag = Annotated[str | None, Query(max_length=50, description="Only APIs with this tag.")]


def add_portal_routes(router: APIRouter, http: HttpDependencies, catalog: PortalCatalog) -> None:
    """Published APIs with their plans."""

    @router.get(
        "/portal/{organization}/apis",
        operation_id="list_portal_apis",
        tags=["Developer portal"],
        summary="The APIs that an organization offers",
        responses=problems(404, 422),
    )
    async def list_portal_apis(
        organization: str, paging: PageQuery, q: SearchText = "", tag: Tag = None
    ) -> Page[PortalApiView]:
        """Oldest first; `q` and `tag` narrow it down."""
        async with http.uow.transaction() as session:
            search = Search(q, tag)
            _, rows = await catalog.search(session, organization, search, limit=paging.fetch, after=paging.after)
        return paging.page(rows, PortalApiView.of, lambda one: one.api.id)

    @router.get(
        "/portal/{organization}/tags",
        operation_id="get_portal_tags",
        tags=["Developer portal"],
        summary="What the catalogue can be filtered by",
        responses=problems(404),
    )
    async def get_portal_tags(organization: str) -> list[str]:
        """Of all its APIs, each once, at most 100."""
        async with http.uow.transaction() as session:
            return list(await catalog.tags(session, organization))

    @router.get(
        "/portal/{organization}/apis/{api}",
        operation_id="get_portal_api",
        tags=["Developer portal"],
        summary="One of them, with its plans and where to call it",
        responses=problems(404),
    )
    async def get_portal_api(organization: str, api: str) -> PortalApiView:
        async with http.uow.transaction() as session:
            return PortalApiView.of(await catalog.reader.published_api(session, organization, api))

    @router.get(
        "/portal/{organization}/apis/{api}/openapi",
        operation_id="get_portal_api_contract",
        tags=["Developer portal"],
        summary="Its OpenAPI contract, with the gateway's addresses",
        responses=problems(404),
    )
    async def get_portal_api_contract(organization: str, api: str) -> dict[str, Any]:
        """What a client or a reference viewer needs: servers are the gateway, security is the access token."""
        async with http.uow.transaction() as session:
            found = await catalog.contract_text(session, organization, api)
        return JSONResponse(await catalog.contract(*found))  # type: ignore[return-value]
