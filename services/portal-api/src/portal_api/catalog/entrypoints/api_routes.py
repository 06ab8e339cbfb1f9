"""One API: its contract, environments and lifecycle over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.catalog.domain.api import Api
from portal_api.catalog.entrypoints.schemas import (
    ApiView,
    DeploymentCreate,
    DeploymentView,
    DevelopmentChange,
    Environments,
    EnvironmentView,
    LifecycleChange,
    LifecycleView,
    Operations,
    OperationView,
    PromotionCreate,
)
from portal_api.catalog.use_cases.deploying import Deployments
from portal_api.catalog.use_cases.reading import CatalogReader
from portal_api.catalog.use_cases.releasing import Releases
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import IDEMPOTENT, problems
from portal_api.identity.domain.access import Actor
from shared.events.catalog import Environment


def add_api_routes(router: APIRouter, http: HttpDependencies, reader: CatalogReader) -> None:
    """Reading an API."""
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.get(
        "/apis/{api}", operation_id="get_api", tags=["APIs"], summary="Get an API", responses=problems(401, 403, 404)
    )
    async def get_api(api: str, actor: current) -> ApiView:
        async with http.uow.transaction() as session:
            found = await reader.require_api(session, actor, api)
        return ApiView.of(found, reader.gateway_url(found))

    @router.get(
        "/apis/{api}/operations",
        operation_id="list_operations",
        tags=["APIs"],
        summary="The operations generated from the contract",
        responses=problems(401, 403, 404),
    )
    async def list_operations(api: str, actor: current) -> Operations:
        async with http.uow.transaction() as session:
            found = await reader.require_api(session, actor, api)
            rows = await reader.operations(session, found)
        return Operations(data=[OperationView.of(row) for row in rows])

    @router.get(
        "/apis/{api}/document",
        operation_id="get_document",
        tags=["APIs"],
        summary="The contract as it was imported",
        response_class=Response,
        responses=problems(401, 403, 404)
        | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "YAML or JSON"}},
    )
    async def get_document(api: str, actor: current) -> Response:
        async with http.uow.transaction() as session:
            found = await reader.require_api(session, actor, api)
            text = await reader.document(session, found)
        # As plain text: a document from a stranger is never anything that a browser runs.
        return Response(text, media_type="text/plain; charset=utf-8")


def add_environment_routes(
    router: APIRouter, http: HttpDependencies, reader: CatalogReader, deployments: Deployments
) -> None:
    """Development and Production."""
    current = Annotated[Actor, Depends(http.current_actor)]

    def environment_view(api: Api, environment: Environment) -> EnvironmentView:
        deployment = api.deployed(environment)
        planned = api.development_endpoint_url or api.contract_endpoint_url
        if environment == "production":
            planned = deployment.upstream_url if deployment else None
        url = reader.gateway_url(api, environment)
        view = DeploymentView.of(environment, deployment, url) if deployment else None
        return EnvironmentView(environment=environment, endpoint_url=planned, deployment=view)

    @router.get(
        "/apis/{api}/environments",
        operation_id="list_environments",
        tags=["Environments"],
        summary="What is deployed where",
        responses=problems(401, 403, 404),
    )
    async def list_environments(api: str, actor: current) -> Environments:
        async with http.uow.transaction() as session:
            found = await reader.require_api(session, actor, api)
        return Environments(data=[environment_view(found, "development"), environment_view(found, "production")])

    @router.put(
        "/apis/{api}/environments/development",
        operation_id="set_development_endpoint",
        tags=["Environments"],
        summary="Override the endpoint of Development",
        description="Takes effect with the next deployment.",
        responses=problems(401, 403, 404, 422),
    )
    async def set_development_endpoint(api: str, body: DevelopmentChange, actor: current) -> EnvironmentView:
        async with http.uow.transaction() as session:
            found = await deployments.set_development_endpoint(session, actor, api, body.endpoint_url)
        return environment_view(found, "development")

    _add_deployment_routes(router, http, reader, deployments)


def _add_deployment_routes(
    router: APIRouter, http: HttpDependencies, reader: CatalogReader, deployments: Deployments
) -> None:
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.post(
        "/apis/{api}/deployments",
        operation_id="create_deployment",
        tags=["Environments"],
        summary="Deploy to Development",
        status_code=201,
        response_model=DeploymentView,
        responses=problems(401, 403, 404, 409, 422),
        dependencies=[IDEMPOTENT],
    )
    async def create_deployment(api: str, body: DeploymentCreate, actor: current, request: Request) -> Response:
        async def create(session: AsyncSession) -> DeploymentView:
            upstream = body.upstream.settings() if body.upstream else None
            found, deployment = await deployments.deploy(session, actor, api, body.endpoint_url, upstream)
            return DeploymentView.of("development", deployment, reader.gateway_url(found, "development"))

        return await http.idempotency.create(request, actor.user_id, create)

    @router.post(
        "/apis/{api}/promotions",
        operation_id="create_promotion",
        tags=["Environments"],
        summary="Promote to Production",
        status_code=201,
        response_model=DeploymentView,
        responses=problems(401, 403, 404, 409, 422),
        dependencies=[IDEMPOTENT],
    )
    async def create_promotion(api: str, body: PromotionCreate, actor: current, request: Request) -> Response:
        async def create(session: AsyncSession) -> DeploymentView:
            found, deployment = await deployments.promote(
                session,
                actor,
                api,
                use_development_endpoint_configuration=body.use_development_endpoint_configuration,
                endpoint_url=body.endpoint_url,
                upstream=body.upstream.settings() if body.upstream else None,
            )
            return DeploymentView.of("production", deployment, reader.gateway_url(found))

        return await http.idempotency.create(request, actor.user_id, create)


def add_release_routes(router: APIRouter, http: HttpDependencies, releases: Releases) -> None:
    """The lifecycle."""
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.get(
        "/apis/{api}/lifecycle",
        operation_id="get_lifecycle",
        tags=["Lifecycle"],
        summary="The state, and each possible step with its checks",
        responses=problems(401, 403, 404),
    )
    async def get_lifecycle(api: str, actor: current) -> LifecycleView:
        async with http.uow.transaction() as session:
            return LifecycleView.of(*await releases.lifecycle(session, actor, api))

    @router.post(
        "/apis/{api}/lifecycle",
        operation_id="change_lifecycle",
        tags=["Lifecycle"],
        summary="Publish, block, deprecate, retire and so on",
        description="A refusal names what is missing.",
        responses=problems(401, 403, 404, 409, 422),
    )
    async def change_lifecycle(api: str, body: LifecycleChange, actor: current) -> LifecycleView:
        async with http.uow.transaction() as session:
            return LifecycleView.of(*await releases.change(session, actor, api, body.action, body.sunset_at))
