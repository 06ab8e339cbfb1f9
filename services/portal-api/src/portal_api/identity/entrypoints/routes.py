"""Users, sessions and personal access tokens over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import IDEMPOTENT, problems
from portal_api.http.paging import Page, PageQuery
from portal_api.identity.domain.access import Actor
from portal_api.identity.domain.user import SESSION_LIFE, csrf_token_of
from portal_api.identity.entrypoints.authentication import SESSION_COOKIE
from portal_api.identity.entrypoints.schemas import (
    PersonalAccessTokenCreate,
    PersonalAccessTokenCreated,
    PersonalAccessTokenView,
    SessionCreate,
    SessionView,
    UserCreate,
    UserView,
)
from portal_api.identity.use_cases import Identity, SignInRefused


def create_router(http: HttpDependencies, identity: Identity, *, secure_cookies: bool) -> APIRouter:
    """The routes of identity."""
    router = APIRouter(prefix="/v1", tags=["Identity"])
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.post(
        "/users",
        operation_id="create_user",
        summary="Sign up",
        status_code=201,
        response_model=UserView,
        responses=problems(409, 422),
        dependencies=[IDEMPOTENT],
    )
    async def create_user(body: UserCreate, request: Request) -> Response:
        async def create(session: AsyncSession) -> UserView:
            user = await identity.sign_up(session, email=body.email, password=body.password, name=body.name)
            return UserView.of(user)

        return await http.idempotency.create(request, "anonymous", create)

    @router.get("/users/me", operation_id="get_current_user", summary="Who am I?", responses=problems(401))
    async def get_current_user(actor: current) -> UserView:
        async with http.uow.transaction() as session:
            return UserView.of(await identity.me(session, actor))

    _add_session_routes(router, http, identity, secure_cookies)
    _add_token_routes(router, http, identity)
    return router


def _add_session_routes(router: APIRouter, http: HttpDependencies, identity: Identity, secure_cookies: bool) -> None:
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.post(
        "/sessions",
        operation_id="create_session",
        summary="Sign in",
        description="Sets the session cookie (HttpOnly, SameSite=Lax) and answers with its CSRF token.",
        status_code=201,
        responses=problems(401, 422, 429),
    )
    async def create_session(body: SessionCreate, request: Request, response: Response) -> SessionView:
        address = request.client.host if request.client else "unknown"
        async with http.uow.transaction() as session:
            result = await identity.sign_in(session, email=body.email, password=body.password, address=address)
        if isinstance(result, SignInRefused):
            raise result.error
        response.set_cookie(
            SESSION_COOKIE,
            result.token,
            max_age=int(SESSION_LIFE.total_seconds()),
            path="/",
            secure=secure_cookies,
            httponly=True,
            samesite="lax",
        )
        return SessionView(user=UserView.of(result.user), csrf_token=result.csrf_token)

    @router.get(
        "/sessions/current",
        operation_id="get_current_session",
        summary="The browser's session",
        description="For pages that need the CSRF token again. Empty for a personal access token.",
        responses=problems(401),
    )
    async def get_current_session(actor: current, request: Request) -> SessionView:
        token = csrf_token_of(request.cookies[SESSION_COOKIE]) if actor.kind == "session" else ""
        async with http.uow.transaction() as session:
            return SessionView(user=UserView.of(await identity.me(session, actor)), csrf_token=token)

    @router.delete(
        "/sessions/current",
        operation_id="delete_current_session",
        summary="Sign out",
        status_code=204,
        responses=problems(401, 403),
    )
    async def delete_current_session(actor: current, response: Response) -> None:
        async with http.uow.transaction() as session:
            await identity.sign_out(session, actor)
        response.delete_cookie(SESSION_COOKIE, path="/", secure=secure_cookies, httponly=True, samesite="lax")


def _add_token_routes(router: APIRouter, http: HttpDependencies, identity: Identity) -> None:
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.post(
        "/personal-access-tokens",
        operation_id="create_personal_access_token",
        summary="Create a personal access token",
        description="The token is shown once; only its hash is kept.",
        status_code=201,
        response_model=PersonalAccessTokenCreated,
        responses=problems(401, 403, 409, 422),
        dependencies=[IDEMPOTENT],
    )
    async def create_personal_access_token(
        body: PersonalAccessTokenCreate, actor: current, request: Request
    ) -> Response:
        async def create(session: AsyncSession) -> PersonalAccessTokenCreated:
            row, token = await identity.create_token(
                session, actor, name=body.name, expires_in_days=body.expires_in_days
            )
            return PersonalAccessTokenCreated(**PersonalAccessTokenView.of(row).model_dump(), token=token)

        return await http.idempotency.create(request, actor.user_id, create)

    @router.get(
        "/personal-access-tokens",
        operation_id="list_personal_access_tokens",
        summary="List my personal access tokens",
        responses=problems(401, 422),
    )
    async def list_personal_access_tokens(actor: current, paging: PageQuery) -> Page[PersonalAccessTokenView]:
        async with http.uow.transaction() as session:
            rows = await identity.list_tokens(session, actor, limit=paging.fetch, after=paging.after)
        return paging.page(rows, PersonalAccessTokenView.of, lambda row: row.id)

    @router.delete(
        "/personal-access-tokens/{token_id}",
        operation_id="delete_personal_access_token",
        summary="Revoke a personal access token",
        status_code=204,
        responses=problems(401, 403, 404),
    )
    async def delete_personal_access_token(token_id: str, actor: current) -> None:
        async with http.uow.transaction() as session:
            await identity.delete_token(session, actor, token_id)
