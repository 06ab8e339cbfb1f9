"""Organizations, members and projects over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import IDEMPOTENT, problems
from portal_api.http.paging import Page, PageQuery
from portal_api.identity.domain.access import Actor
from portal_api.organizations.entrypoints.schemas import (
    OrganizationChange,
    OrganizationCreate,
    OrganizationView,
    ProjectCreate,
    ProjectView,
)
from portal_api.organizations.use_cases import Organizations


def create_router(http: HttpDependencies, organizations: Organizations) -> APIRouter:
    """The routes of organizations; `{organization}` is an id or an identifier."""
    router = APIRouter(prefix="/v1/organizations", tags=["Organizations"])
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.post(
        "",
        operation_id="create_organization",
        summary="Create an organization",
        description="Its creator becomes admin.",
        status_code=201,
        response_model=OrganizationView,
        responses=problems(401, 403, 409, 422),
        dependencies=[IDEMPOTENT],
    )
    async def create_organization(body: OrganizationCreate, actor: current, request: Request) -> Response:
        async def create(session: AsyncSession) -> OrganizationView:
            return OrganizationView.of(await organizations.create(session, actor, **body.model_dump()), "admin")

        return await http.idempotency.create(request, actor.user_id, create)

    @router.get("", operation_id="list_organizations", summary="List my organizations", responses=problems(401, 422))
    async def list_organizations(actor: current, paging: PageQuery) -> Page[OrganizationView]:
        async with http.uow.transaction() as session:
            rows = await organizations.list_mine(session, actor, limit=paging.fetch, after=paging.after)
        return paging.page(rows, lambda row: OrganizationView.of(*row), lambda row: row[0].id)

    @router.get(
        "/{organization}",
        operation_id="get_organization",
        summary="Get an organization",
        responses=problems(401, 404),
    )
    async def get_organization(organization: str, actor: current) -> OrganizationView:
        async with http.uow.transaction() as session:
            row, role = await organizations.get_mine(session, actor, organization)
        return OrganizationView.of(row, role)

    @router.patch(
        "/{organization}",
        operation_id="change_organization",
        summary="Rename an organization",
        description="The identifier stays: it is part of addresses.",
        responses=problems(401, 403, 404, 422),
    )
    async def change_organization(organization: str, body: OrganizationChange, actor: current) -> OrganizationView:
        async with http.uow.transaction() as session:
            return OrganizationView.of(await organizations.rename(session, actor, organization, body.name), "admin")

    _add_project_routes(router, http, organizations)
    return router


def _add_project_routes(router: APIRouter, http: HttpDependencies, organizations: Organizations) -> None:
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.post(
        "/{organization}/projects",
        operation_id="create_project",
        summary="Create a project",
        status_code=201,
        response_model=ProjectView,
        responses=problems(401, 403, 404, 409, 422),
        dependencies=[IDEMPOTENT],
    )
    async def create_project(organization: str, body: ProjectCreate, actor: current, request: Request) -> Response:
        async def create(session: AsyncSession) -> ProjectView:
            return ProjectView.of(await organizations.create_project(session, actor, organization, **body.model_dump()))

        return await http.idempotency.create(request, actor.user_id, create)

    @router.get(
        "/{organization}/projects",
        operation_id="list_projects",
        summary="List projects",
        responses=problems(401, 403, 404, 422),
    )
    async def list_projects(organization: str, actor: current, paging: PageQuery) -> Page[ProjectView]:
        async with http.uow.transaction() as session:
            rows = await organizations.list_projects(
                session, actor, organization, limit=paging.fetch, after=paging.after
            )
        return paging.page(rows, ProjectView.of, lambda row: row.id)

    @router.get(
        "/{organization}/projects/{project}",
        operation_id="get_project",
        summary="Get a project",
        responses=problems(401, 403, 404),
    )
    async def get_project(organization: str, project: str, actor: current) -> ProjectView:
        async with http.uow.transaction() as session:
            return ProjectView.of((await organizations.require_project(session, actor, organization, project))[1])
