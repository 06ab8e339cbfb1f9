"""OAuth2 clients (Manage Keys) and API keys of an application. A secret is in one answer and nowhere else."""

from enum import Enum

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.applications.entrypoints.schemas import (
    ApiKeySecretView,
    ApiKeyView,
    CredentialCreate,
    OAuthClientSecretView,
    OAuthClientView,
    Rotation,
)
from portal_api.applications.use_cases.applications import Applications
from portal_api.applications.use_cases.credentials import Credentials
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import IDEMPOTENT, problems
from portal_api.http.paging import Page, PageQuery
from portal_api.identity.domain.access import Actor

TAGS: list[str | Enum] = ["Credentials"]


def add_client_routes(
    router: APIRouter, http: HttpDependencies, applications: Applications, credentials: Credentials
) -> None:
    """Create, list, revoke; what is done with one: `_add_client_actions`."""

    @router.post(
        "/applications/{id}/oauth-clients",
        status_code=201,
        response_model=OAuthClientSecretView,
        operation_id="create_oauth_client",
        tags=TAGS,
        summary="Generate a consumer key and secret",
        responses=problems(401, 404, 409, 422),
        dependencies=[IDEMPOTENT],
    )
    async def create(
        request: Request,
        id: str,  # noqa: A002
        body: CredentialCreate,
        actor: Actor = Depends(http.current_actor),
    ) -> Response:
        """The secret is in this answer and nowhere else."""

        async def run(session: AsyncSession) -> OAuthClientSecretView:
            application = await applications.owned(session, id, actor.user_id, lock=True)
            client, secret = await credentials.create_client(session, application, body.environment)
            return OAuthClientSecretView.with_secret(client, secret)

        return _no_store(await http.idempotency.create(request, actor.user_id, run))

    @router.get(
        "/applications/{id}/oauth-clients",
        operation_id="list_oauth_clients",
        tags=TAGS,
        summary="List OAuth2 clients",
        responses=problems(401, 404),
    )
    async def listed(
        id: str,  # noqa: A002
        page: PageQuery,
        actor: Actor = Depends(http.current_actor),
    ) -> Page[OAuthClientView]:
        """Without secrets, oldest first."""
        async with http.uow.transaction() as session:
            rows = await credentials.clients(session, await applications.owned(session, id, actor.user_id))
        after = [row for row in rows if page.after is None or row.id > page.after]
        return page.page(after, OAuthClientView.of, lambda row: row.id)

    _add_client_actions(router, http, applications, credentials)


def _add_client_actions(
    router: APIRouter, http: HttpDependencies, applications: Applications, credentials: Credentials
) -> None:
    responses = problems(401, 404, 409)

    @router.delete(
        "/applications/{id}/oauth-clients/{client_id}",
        operation_id="revoke_oauth_client",
        tags=TAGS,
        summary="Revoke an OAuth2 client and its tokens",
        responses=responses,
    )
    async def revoke(id: str, client_id: str, actor: Actor = Depends(http.current_actor)) -> OAuthClientView:  # noqa: A002
        """Within moments no gateway takes its tokens."""
        async with http.uow.transaction() as session:
            application = await applications.owned(session, id, actor.user_id, lock=True)
            return OAuthClientView.of(await credentials.revoke_client(session, application, client_id))

    @router.post(
        "/applications/{id}/oauth-clients/{client_id}/revoke-tokens",
        operation_id="revoke_oauth_client_tokens",
        tags=TAGS,
        summary="Revoke all access tokens of a client",
        responses=responses,
    )
    async def revoke_tokens(id: str, client_id: str, actor: Actor = Depends(http.current_actor)) -> OAuthClientView:  # noqa: A002
        """The client stays and may ask for new ones."""
        async with http.uow.transaction() as session:
            application = await applications.owned(session, id, actor.user_id, lock=True)
            return OAuthClientView.of(await credentials.revoke_tokens(session, application, client_id))

    @router.delete(
        "/applications/{id}/oauth-clients/{client_id}/previous-secret",
        operation_id="end_oauth_client_grace",
        tags=TAGS,
        summary="End a rotated secret before its grace is over",
        responses=problems(401, 404),
    )
    async def end_grace(id: str, client_id: str, actor: Actor = Depends(http.current_actor)) -> OAuthClientView:  # noqa: A002
        """Its tokens end too; those of the present secret stay."""
        async with http.uow.transaction() as session:
            application = await applications.owned(session, id, actor.user_id, lock=True)
            return OAuthClientView.of(await credentials.end_grace(session, application, client_id))

    _add_client_rotation(router, http, applications, credentials)


def _add_client_rotation(
    router: APIRouter, http: HttpDependencies, applications: Applications, credentials: Credentials
) -> None:
    @router.post(
        "/applications/{id}/oauth-clients/{client_id}/rotate",
        response_model=OAuthClientSecretView,
        operation_id="rotate_oauth_client_secret",
        tags=TAGS,
        summary="Replace a client's secret",
        responses=problems(401, 404, 409, 422),
        dependencies=[IDEMPOTENT],
    )
    async def rotate(
        request: Request,
        id: str,  # noqa: A002
        client_id: str,
        body: Rotation | None = None,
        actor: Actor = Depends(http.current_actor),
    ) -> Response:
        """The old secret and the tokens issued with it end when the grace is over: at once, if none is asked for."""
        seconds = (body or Rotation()).grace_seconds

        async def run(session: AsyncSession) -> OAuthClientSecretView:
            application = await applications.owned(session, id, actor.user_id, lock=True)
            rotated = await credentials.rotate_client(session, application, client_id, grace_seconds=seconds)
            return OAuthClientSecretView.with_secret(*rotated)

        return _no_store(await http.idempotency.create(request, actor.user_id, run, status=200))


def add_key_routes(
    router: APIRouter, http: HttpDependencies, applications: Applications, credentials: Credentials
) -> None:
    """Create, list, revoke."""

    @router.post(
        "/applications/{id}/api-keys",
        status_code=201,
        response_model=ApiKeySecretView,
        operation_id="create_api_key",
        tags=TAGS,
        summary="Create an API key",
        responses=problems(401, 404, 409, 422),
        dependencies=[IDEMPOTENT],
    )
    async def create(
        request: Request,
        id: str,  # noqa: A002
        body: CredentialCreate,
        actor: Actor = Depends(http.current_actor),
    ) -> Response:
        """The key is in this answer and nowhere else."""

        async def run(session: AsyncSession) -> ApiKeySecretView:
            application = await applications.owned(session, id, actor.user_id, lock=True)
            return ApiKeySecretView.with_secret(*await credentials.create_key(session, application, body.environment))

        return _no_store(await http.idempotency.create(request, actor.user_id, run))

    @router.get(
        "/applications/{id}/api-keys",
        operation_id="list_api_keys",
        tags=TAGS,
        summary="List API keys",
        responses=problems(401, 404),
    )
    async def listed(id: str, page: PageQuery, actor: Actor = Depends(http.current_actor)) -> Page[ApiKeyView]:  # noqa: A002
        """By their prefixes, oldest first."""
        async with http.uow.transaction() as session:
            rows = await credentials.keys(session, await applications.owned(session, id, actor.user_id))
        after = [row for row in rows if page.after is None or row.id > page.after]
        return page.page(after, ApiKeyView.of, lambda row: row.id)

    @router.delete(
        "/applications/{id}/api-keys/{key_id}",
        operation_id="revoke_api_key",
        tags=TAGS,
        summary="Revoke an API key",
        responses=problems(401, 404),
    )
    async def revoke(id: str, key_id: str, actor: Actor = Depends(http.current_actor)) -> ApiKeyView:  # noqa: A002
        """Within moments no gateway takes it."""
        async with http.uow.transaction() as session:
            application = await applications.owned(session, id, actor.user_id, lock=True)
            return ApiKeyView.of(await credentials.revoke_key(session, application, key_id))


def add_key_rotation(
    router: APIRouter, http: HttpDependencies, applications: Applications, credentials: Credentials
) -> None:
    """Another key in place of the old one."""

    @router.post(
        "/applications/{id}/api-keys/{key_id}/rotate",
        response_model=ApiKeySecretView,
        operation_id="rotate_api_key",
        tags=TAGS,
        summary="Replace an API key",
        responses=problems(401, 404, 409, 422),
        dependencies=[IDEMPOTENT],
    )
    async def rotate(
        request: Request,
        id: str,  # noqa: A002
        key_id: str,
        body: Rotation | None = None,
        actor: Actor = Depends(http.current_actor),
    ) -> Response:
        """The old key is valid until the grace is over: it ends at once, if none is asked for."""
        seconds = (body or Rotation()).grace_seconds

        async def run(session: AsyncSession) -> ApiKeySecretView:
            application = await applications.owned(session, id, actor.user_id, lock=True)
            rotated = await credentials.rotate_key(session, application, key_id, grace_seconds=seconds)
            return ApiKeySecretView.with_secret(*rotated)

        return _no_store(await http.idempotency.create(request, actor.user_id, run, status=200))


def _no_store(response: Response) -> Response:
    """A secret belongs in no cache."""
    response.headers["Cache-Control"] = "no-store"
    return response
