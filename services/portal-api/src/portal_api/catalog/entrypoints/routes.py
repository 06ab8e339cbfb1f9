"""The routes of the catalogue: APIs here, the rest beside."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.catalog.entrypoints import api_routes, plan_routes, policy_routes, portal_routes, revision_routes
from portal_api.catalog.entrypoints.import_request import read_import
from portal_api.catalog.entrypoints.schemas import ApiCreate, ApiView
from portal_api.catalog.use_cases.deploying import Deployments
from portal_api.catalog.use_cases.importing import ImportApi
from portal_api.catalog.use_cases.plans import Plans
from portal_api.catalog.use_cases.portal import PortalCatalog
from portal_api.catalog.use_cases.reading import CatalogReader
from portal_api.catalog.use_cases.releasing import Releases
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import IDEMPOTENT, problems
from portal_api.http.paging import Page, PageQuery
from portal_api.identity.domain.access import Actor


@dataclass(frozen=True, slots=True)
class CatalogUseCases:
    """What the routes call."""

    reader: CatalogReader
    portal: PortalCatalog
    imports: ImportApi
    deployments: Deployments
    releases: Releases
    plans: Plans


_SCHEMA = ApiCreate.model_json_schema(ref_template="#/components/schemas/{model}")
_SCHEMA.pop("$defs", None)
_IMPORT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _SCHEMA},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "The contract, YAML or JSON."},
                        "display_name": {"type": "string"},
                        "identifier": {"type": "string"},
                        "version": {"type": "string"},
                    },
                }
            },
        },
    }
}


def create_router(http: HttpDependencies, use_cases: CatalogUseCases) -> APIRouter:
    """All routes of the catalogue."""
    router = APIRouter(prefix="/v1")
    _add_import_routes(router, http, use_cases)
    api_routes.add_api_routes(router, http, use_cases.reader)
    api_routes.add_environment_routes(router, http, use_cases.reader, use_cases.deployments)
    policy_routes.add_policy_routes(router, http, use_cases.reader, use_cases.deployments)
    revision_routes.add_revision_routes(router, http, use_cases.reader, use_cases.deployments)
    revision_routes.add_contract_routes(router, http, use_cases.reader, use_cases.imports)
    api_routes.add_release_routes(router, http, use_cases.releases)
    plan_routes.add_plan_routes(router, http, use_cases.reader, use_cases.plans)
    plan_routes.add_api_plan_routes(router, http, use_cases.releases)
    portal_routes.add_portal_routes(router, http, use_cases.portal)
    return router


def _add_import_routes(router: APIRouter, http: HttpDependencies, use_cases: CatalogUseCases) -> None:
    current = Annotated[Actor, Depends(http.current_actor)]
    reader, imports = use_cases.reader, use_cases.imports

    @router.post(
        "/organizations/{organization}/projects/{project}/apis",
        operation_id="create_api",
        tags=["APIs"],
        summary="Create an API proxy from an OpenAPI contract",
        description="OpenAPI 3.0 or 3.1, by URL, as text, or as a file (multipart/form-data). Operations are "
        "generated from it. Errors in the contract are listed with their lines.",
        status_code=201,
        response_model=ApiView,
        responses=problems(401, 403, 404, 409, 413, 422),
        dependencies=[IDEMPOTENT],
        openapi_extra=_IMPORT_BODY,
    )
    async def create_api(organization: str, project: str, actor: current, request: Request) -> Response:
        async with http.uow.transaction() as session:
            await imports.check_access(session, actor, organization, project)
        wanted = await read_import(request)
        loaded = await imports.load(wanted.source)

        async def create(session: AsyncSession) -> ApiView:
            api = await imports.create(
                session,
                actor,
                organization,
                project,
                loaded,
                display_name=wanted.body.display_name,
                identifier=wanted.body.identifier,
                version=wanted.body.version,
            )
            return ApiView.of(api, reader.gateway_url(api))

        return await http.idempotency.create(request, actor.user_id, create, payload=wanted.payload)

    @router.get(
        "/organizations/{organization}/projects/{project}/apis",
        operation_id="list_apis",
        tags=["APIs"],
        summary="List the APIs of a project",
        responses=problems(401, 403, 404, 422),
    )
    async def list_apis(organization: str, project: str, actor: current, paging: PageQuery) -> Page[ApiView]:
        async with http.uow.transaction() as session:
            rows = await reader.list_apis(session, actor, organization, project, limit=paging.fetch, after=paging.after)
        return paging.page(rows, lambda api: ApiView.of(api, reader.gateway_url(api)), lambda api: api.id)
