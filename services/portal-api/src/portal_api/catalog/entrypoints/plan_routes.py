"""Plans over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.catalog.domain.plan import versions_after
from portal_api.catalog.entrypoints.plan_schemas import (
    ApiPlans,
    ApiPlansChange,
    PlanChange,
    PlanCreate,
    PlanVersionView,
    PlanView,
)
from portal_api.catalog.use_cases.plans import Plans
from portal_api.catalog.use_cases.reading import CatalogReader
from portal_api.catalog.use_cases.releasing import Releases
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import IDEMPOTENT, problems
from portal_api.http.paging import Page, PageQuery
from portal_api.identity.domain.access import Actor


def add_plan_routes(router: APIRouter, http: HttpDependencies, reader: CatalogReader, plans: Plans) -> None:
    """The plans of an organization."""
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.post(
        "/organizations/{organization}/plans",
        operation_id="create_plan",
        tags=["Plans"],
        summary="Create a subscription plan",
        status_code=201,
        response_model=PlanView,
        responses=problems(401, 403, 404, 409, 422),
        dependencies=[IDEMPOTENT],
    )
    async def create_plan(organization: str, body: PlanCreate, actor: current, request: Request) -> Response:
        async def create(session: AsyncSession) -> PlanView:
            plan = await plans.create(
                session, actor, organization, name=body.name, description=body.description, terms=body.terms()
            )
            return PlanView.of(plan)

        return await http.idempotency.create(request, actor.user_id, create)

    @router.get(
        "/organizations/{organization}/plans",
        operation_id="list_plans",
        tags=["Plans"],
        summary="List the plans of an organization",
        responses=problems(401, 403, 404, 422),
    )
    async def list_plans(organization: str, actor: current, paging: PageQuery) -> Page[PlanView]:
        async with http.uow.transaction() as session:
            rows = await reader.list_plans(session, actor, organization, limit=paging.fetch, after=paging.after)
        return paging.page(rows, PlanView.of, lambda plan: plan.id)

    _add_one_plan_routes(router, http, reader, plans)
    _add_version_routes(router, http, reader)


def _add_one_plan_routes(router: APIRouter, http: HttpDependencies, reader: CatalogReader, plans: Plans) -> None:
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.get(
        "/plans/{plan}",
        operation_id="get_plan",
        tags=["Plans"],
        summary="Get a plan",
        responses=problems(401, 403, 404),
    )
    async def get_plan(plan: str, actor: current) -> PlanView:
        async with http.uow.transaction() as session:
            return PlanView.of(await reader.require_plan(session, actor, plan))

    @router.patch(
        "/plans/{plan}",
        operation_id="change_plan",
        tags=["Plans"],
        summary="Change a plan",
        description="Changed limits or prices make a new version; existing subscriptions keep theirs. "
        "`status`: inactive deactivates it.",
        responses=problems(401, 403, 404, 409, 422),
    )
    async def change_plan(plan: str, body: PlanChange, actor: current) -> PlanView:
        async with http.uow.transaction() as session:
            changed = await plans.change(
                session,
                actor,
                plan,
                name=body.name,
                description=body.description,
                status=body.status,
                terms_from=body.terms_on if body.changes_terms else None,
            )
        return PlanView.of(changed)

    @router.delete(
        "/plans/{plan}",
        operation_id="delete_plan",
        tags=["Plans"],
        summary="Delete a plan that nobody uses",
        status_code=204,
        responses=problems(401, 403, 404, 409),
    )
    async def delete_plan(plan: str, actor: current) -> None:
        async with http.uow.transaction() as session:
            await plans.delete(session, actor, plan)


def _add_version_routes(router: APIRouter, http: HttpDependencies, reader: CatalogReader) -> None:
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.get(
        "/plans/{plan}/versions",
        operation_id="list_plan_versions",
        tags=["Plans"],
        summary="List the versions of a plan",
        description="Oldest first. Subscriptions keep the version that they were made with.",
        responses=problems(401, 403, 404, 422),
    )
    async def list_plan_versions(plan: str, actor: current, paging: PageQuery) -> Page[PlanVersionView]:
        async with http.uow.transaction() as session:
            found = await reader.require_plan(session, actor, plan)
        rows = versions_after(found, paging.after)[: paging.fetch]
        return paging.page(rows, PlanVersionView.of, lambda version: str(version.ordinal))


def add_api_plan_routes(router: APIRouter, http: HttpDependencies, releases: Releases) -> None:
    """Monetize: which plans an API offers."""
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.put(
        "/apis/{api}/plans",
        operation_id="set_api_plans",
        tags=["Plans"],
        summary="Enable plans on an API (Monetize)",
        description="Exactly these plans are enabled from now on.",
        responses=problems(401, 403, 404, 409, 422),
    )
    async def set_api_plans(api: str, body: ApiPlansChange, actor: current) -> ApiPlans:
        async with http.uow.transaction() as session:
            enabled = await releases.set_plans(session, actor, api, body.plan_ids)
        return ApiPlans(data=[PlanView.of(plan) for plan in enabled])

    @router.get(
        "/apis/{api}/plans",
        operation_id="list_api_plans",
        tags=["Plans"],
        summary="The plans enabled on an API",
        responses=problems(401, 403, 404),
    )
    async def list_api_plans(api: str, actor: current) -> ApiPlans:
        async with http.uow.transaction() as session:
            enabled = await releases.plans(session, actor, api)
        return ApiPlans(data=[PlanView.of(plan) for plan in enabled])
