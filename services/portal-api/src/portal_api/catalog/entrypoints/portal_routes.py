"""The catalogue that developers see: open to everybody."""

from fastapi import APIRouter

from portal_api.catalog.entrypoints.plan_schemas import PortalApiView
from portal_api.catalog.use_cases.reading import CatalogReader
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import problems
from portal_api.http.paging import Page, PageQuery


def add_portal_routes(router: APIRouter, http: HttpDependencies, reader: CatalogReader) -> None:
    """Published APIs with their plans."""

    @router.get(
        "/portal/{organization}/apis",
        operation_id="list_portal_apis",
        tags=["Developer portal"],
        summary="The APIs that an organization offers",
        responses=problems(404, 422),
    )
    async def list_portal_apis(organization: str, paging: PageQuery) -> Page[PortalApiView]:
        async with http.uow.transaction() as session:
            _, rows = await reader.published_apis(session, organization, limit=paging.fetch, after=paging.after)
        return paging.page(rows, PortalApiView.of, lambda one: one.api.id)

    @router.get(
        "/portal/{organization}/apis/{api}",
        operation_id="get_portal_api",
        tags=["Developer portal"],
        summary="One of them, with its plans and where to call it",
        responses=problems(404),
    )
    async def get_portal_api(organization: str, api: str) -> PortalApiView:
        async with http.uow.transaction() as session:
            return PortalApiView.of(await reader.published_api(session, organization, api))
