"""Applications as a REST resource. Credentials: credential_routes."""

from dataclasses import dataclass

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.applications.entrypoints import credential_routes
from portal_api.applications.entrypoints.schemas import ApplicationChange, ApplicationCreate, ApplicationView
from portal_api.applications.use_cases.applications import Applications, NewApplication
from portal_api.applications.use_cases.credentials import Credentials
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import IDEMPOTENT, problems
from portal_api.http.paging import Page, PageQuery
from portal_api.identity.domain.access import Actor
from portal_api.organizations.use_cases import Organizations


@dataclass(frozen=True, slots=True)
class ApplicationRoutes:
    """What `main` hands over."""

    http: HttpDependencies
    organizations: Organizations
    applications: Applications
    credentials: Credentials


def create_router(deps: ApplicationRoutes) -> APIRouter:
    """All routes of the feature."""
    router = APIRouter(prefix="/v1")
    _collection(router, deps)
    _item(router, deps)
    credential_routes.add_client_routes(router, deps.http, deps.applications, deps.credentials)
    credential_routes.add_key_routes(router, deps.http, deps.applications, deps.credentials)
    credential_routes.add_key_rotation(router, deps.http, deps.applications, deps.credentials)
    return router


def _collection(router: APIRouter, deps: ApplicationRoutes) -> None:
    http = deps.http

    @router.post(
        "/portal/{organization}/applications",
        status_code=201,
        response_model=ApplicationView,
        operation_id="create_application",
        tags=["Applications"],
        summary="Create an application",
        responses=problems(401, 404, 409, 422),
        dependencies=[IDEMPOTENT],
    )
    async def create(
        request: Request, organization: str, body: ApplicationCreate, actor: Actor = Depends(http.current_actor)
    ) -> Response:
        """An application belongs to you, in this organization's portal."""

        async def run(session: AsyncSession) -> ApplicationView:
            found = await deps.organizations.find(session, organization)
            wanted = NewApplication(body.name, body.description, body.access_token_lifetime_seconds)
            return ApplicationView.of(await deps.applications.create(session, found.id, actor.user_id, wanted))

        return await http.idempotency.create(request, actor.user_id, run)

    @router.get(
        "/portal/{organization}/applications",
        operation_id="list_applications",
        tags=["Applications"],
        summary="List your applications",
        responses=problems(401, 404, 422),
    )
    async def listed(
        organization: str, page: PageQuery, actor: Actor = Depends(http.current_actor)
    ) -> Page[ApplicationView]:
        """Yours in this portal, oldest first."""
        async with http.uow.transaction() as session:
            found = await deps.organizations.find(session, organization)
            rows = await deps.applications.listed(session, found.id, actor.user_id, after=page.after, limit=page.fetch)
        return page.page(rows, ApplicationView.of, lambda row: row.id)


def _item(router: APIRouter, deps: ApplicationRoutes) -> None:
    http = deps.http

    @router.get(
        "/applications/{id}",
        operation_id="get_application",
        tags=["Applications"],
        summary="Read an application",
        responses=problems(401, 404),
    )
    async def read(id: str, actor: Actor = Depends(http.current_actor)) -> ApplicationView:  # noqa: A002
        """Only its owner sees it."""
        async with http.uow.transaction() as session:
            return ApplicationView.of(await deps.applications.owned(session, id, actor.user_id))

    @router.patch(
        "/applications/{id}",
        operation_id="update_application",
        tags=["Applications"],
        summary="Change an application",
        responses=problems(401, 404, 409, 422),
    )
    async def change(
        id: str,  # noqa: A002
        body: ApplicationChange,
        actor: Actor = Depends(http.current_actor),
    ) -> ApplicationView:
        """A new token lifetime holds for tokens issued from now on."""
        async with http.uow.transaction() as session:
            changed = await deps.applications.change(session, id, actor.user_id, **body.model_dump())
        return ApplicationView.of(changed)

    @router.delete(
        "/applications/{id}",
        status_code=202,
        operation_id="delete_application",
        tags=["Applications"],
        summary="Delete an application",
        responses=problems(401, 404),
    )
    async def delete(id: str, actor: Actor = Depends(http.current_actor)) -> ApplicationView:  # noqa: A002
        """Its credentials end at once and its subscriptions are cancelled; it is gone when all have ended."""
        async with http.uow.transaction() as session:
            return ApplicationView.of(await deps.applications.delete(session, id, actor.user_id))
