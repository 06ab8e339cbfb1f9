"""What was deployed before, the way back, and importing a contract again."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from portal_api.catalog.domain.contract_diff import ContractDifference
from portal_api.catalog.entrypoints.schemas import ApiView, DeploymentView, OpenApiSource
from portal_api.catalog.ports import DeploymentRecord
from portal_api.catalog.use_cases.deploying import Deployments
from portal_api.catalog.use_cases.importing import ContractSource, ImportApi
from portal_api.catalog.use_cases.reading import CatalogReader
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import problems
from portal_api.http.paging import Page, PageQuery
from portal_api.identity.domain.access import Actor
from shared.events.catalog import Environment

HISTORY = 100


class RevisionView(BaseModel):
    """One deployment of the past."""

    environment: Environment
    revision: int
    endpoint_url: str
    deployed_at: datetime
    deployed_by: str
    operation_count: int | None = Field(description="Null: its routes are not kept, it cannot be rolled back to.")
    rolled_back_to: int | None
    current: bool

    @classmethod
    def of(cls, record: DeploymentRecord) -> "RevisionView":
        """Of history."""
        return cls(**{name: getattr(record, name) for name in cls.model_fields})


class Revisions(BaseModel):
    """Newest first, at most 100."""

    data: list[RevisionView]


class RollBack(BaseModel):
    """Which revision shall be served again."""

    environment: Environment = "production"
    revision: int = Field(ge=1, examples=[1])


class DifferenceView(BaseModel):
    """Operations as `GET /books`."""

    added: list[str]
    removed: list[str]
    changed: list[str] = Field(description="Name or summary differ.")
    unchanged: int
    endpoint_before: str | None
    endpoint_after: str | None
    api: ApiView

    @classmethod
    def of(cls, found: ContractDifference, api: ApiView, endpoint: str | None) -> "DifferenceView":
        """Of the domain's."""
        before, after = found.endpoint or (endpoint, endpoint)
        return cls(
            added=list(found.added),
            removed=list(found.removed),
            changed=list(found.changed),
            unchanged=found.unchanged,
            endpoint_before=before,
            endpoint_after=after,
            api=api,
        )


def add_revision_routes(
    router: APIRouter, http: HttpDependencies, reader: CatalogReader, deployments: Deployments
) -> None:
    """History and roll back."""
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.get(
        "/apis/{api}/deployments",
        operation_id="get_deployment_history",
        tags=["Environments"],
        summary="What was deployed, by whom",
        responses=problems(401, 403, 404),
    )
    async def get_deployment_history(api: str, actor: current) -> Revisions:
        async with http.uow.transaction() as session:
            rows = await deployments.history(session, actor, api, limit=HISTORY)
        return Revisions(data=[RevisionView.of(row) for row in rows])

    @router.post(
        "/apis/{api}/roll-backs",
        operation_id="roll_back_deployment",
        tags=["Environments"],
        summary="Serve an earlier revision again",
        description="Its endpoint and routes become a new revision. Refused where it is served already.",
        status_code=201,
        responses=problems(401, 403, 404, 409, 422),
    )
    async def roll_back(api: str, body: RollBack, actor: current) -> DeploymentView:
        async with http.uow.transaction() as session:
            found, made = await deployments.roll_back(session, actor, api, **body.model_dump())
        return DeploymentView.of(body.environment, made, reader.gateway_url(found, body.environment))


def add_contract_routes(router: APIRouter, http: HttpDependencies, reader: CatalogReader, imports: ImportApi) -> None:
    """The contract once more, and the APIs of all projects."""
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.put(
        "/apis/{api}/document",
        operation_id="replace_document",
        tags=["APIs"],
        summary="Import the contract again",
        description="Takes effect with the next deployment. `dry_run` only says what would change.",
        responses=problems(401, 403, 404, 409, 413, 422),
    )
    async def replace_document(
        api: str, body: OpenApiSource, actor: current, dry_run: Annotated[bool, Query()] = False
    ) -> DifferenceView:
        async with http.uow.transaction() as session:
            before = await reader.require_api(session, actor, api, role="publisher")
        source = ContractSource("document", body.document or "")
        loaded = await imports.load(ContractSource("url", body.url) if body.url is not None else source)
        async with http.uow.transaction() as session:
            if dry_run:
                found, difference = before, await imports.compare(session, actor, api, loaded)
            else:
                found, difference = await imports.replace(session, actor, api, loaded)
        view = ApiView.of(found, reader.gateway_url(found))
        return DifferenceView.of(difference, view, before.contract_endpoint_url)

    @router.get(
        "/organizations/{organization}/apis",
        operation_id="list_organization_apis",
        tags=["APIs"],
        summary="List the APIs of all projects",
        responses=problems(401, 403, 404, 422),
    )
    async def list_organization_apis(organization: str, actor: current, paging: PageQuery) -> Page[ApiView]:
        async with http.uow.transaction() as session:
            rows = await reader.list_organization_apis(
                session, actor, organization, limit=paging.fetch, after=paging.after
            )
        return paging.page(rows, lambda api: ApiView.of(api, reader.gateway_url(api)), lambda api: api.id)
