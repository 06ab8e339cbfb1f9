"""Users and sessions over HTTP."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.http.client import client_of
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import IDEMPOTENT, problems
from portal_api.http.paging import Page, PageQuery
from portal_api.identity.domain.access import Actor
from portal_api.identity.domain.user import SESSION_LIFE, Origin, Session, csrf_token_of
from portal_api.identity.entrypoints import proof_routes, token_routes
from portal_api.identity.entrypoints.authentication import SESSION_COOKIE
from portal_api.identity.entrypoints.schemas import (
    SessionCreate,
    SessionListed,
    SessionView,
    UserChange,
    UserCreate,
    UserView,
)
from portal_api.identity.use_cases.email_proofs import EmailProofs
from portal_api.identity.use_cases.passwords import Passwords
from portal_api.identity.use_cases.sessions import AccessTokens, Sessions
from portal_api.identity.use_cases.signing_in import SignIn
from portal_api.identity.use_cases.users import Identity


@dataclass(frozen=True, slots=True)
class IdentityRoutes:
    """What `main` hands over."""

    http: HttpDependencies
    identity: Identity
    sign_in: SignIn
    sessions: Sessions
    tokens: AccessTokens
    proofs: EmailProofs
    passwords: Passwords
    secure_cookies: bool


def create_router(deps: IdentityRoutes) -> APIRouter:
    """The routes of identity."""
    router = APIRouter(prefix="/v1", tags=["Identity"])
    _add_user_routes(router, deps)
    _add_sign_in_routes(router, deps)
    _add_session_routes(router, deps)
    token_routes.add(router, deps.http, deps.tokens)
    proof_routes.add(router, deps.http, deps.proofs, deps.passwords)
    return router


def _add_user_routes(router: APIRouter, deps: IdentityRoutes) -> None:
    http, identity = deps.http, deps.identity
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.post(
        "/users",
        operation_id="create_user",
        summary="Sign up",
        description="Sends a mail with a link that confirms the address. The account works at once.",
        status_code=201,
        response_model=UserView,
        responses=problems(409, 422, 429),
        dependencies=[IDEMPOTENT],
    )
    async def create_user(body: UserCreate, request: Request) -> Response:
        async def create(session: AsyncSession) -> UserView:
            user = await identity.sign_up(session, email=body.email, password=body.password, name=body.name)
            return UserView.of(user)

        async with http.uow.transaction() as session:
            await identity.admit_sign_up(session, Origin(*client_of(request)))
        return await http.idempotency.create(request, "anonymous", create)

    @router.get("/users/me", operation_id="get_current_user", summary="Who am I?", responses=problems(401))
    async def get_current_user(actor: current) -> UserView:
        async with http.uow.transaction() as session:
            return UserView.of(await identity.me(session, actor))

    @router.patch(
        "/users/me",
        operation_id="change_current_user",
        summary="Change my name",
        responses=problems(401, 403, 422),
    )
    async def change_current_user(body: UserChange, actor: current) -> UserView:
        async with http.uow.transaction() as session:
            return UserView.of(await identity.rename(session, actor, body.name))


def _add_sign_in_routes(router: APIRouter, deps: IdentityRoutes) -> None:
    http = deps.http
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
        result = await deps.sign_in.with_password(
            email=body.email, password=body.password, origin=Origin(*client_of(request))
        )
        response.set_cookie(
            SESSION_COOKIE,
            result.token,
            max_age=int(SESSION_LIFE.total_seconds()),
            path="/",
            secure=deps.secure_cookies,
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
            return SessionView(user=UserView.of(await deps.identity.me(session, actor)), csrf_token=token)

    @router.delete(
        "/sessions/current",
        operation_id="delete_current_session",
        summary="Sign out",
        status_code=204,
        responses=problems(401, 403),
    )
    async def delete_current_session(actor: current, response: Response) -> None:
        async with http.uow.transaction() as session:
            await deps.sessions.sign_out(session, actor)
        response.delete_cookie(SESSION_COOKIE, path="/", secure=deps.secure_cookies, httponly=True, samesite="lax")


def _add_session_routes(router: APIRouter, deps: IdentityRoutes) -> None:
    http, sessions = deps.http, deps.sessions
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.get(
        "/sessions",
        operation_id="list_sessions",
        summary="Where am I signed in?",
        responses=problems(401, 422),
    )
    async def list_sessions(actor: current, paging: PageQuery) -> Page[SessionListed]:
        def view(row: Session) -> SessionListed:
            return SessionListed.of(row, current=row.id == actor.credential_id)

        async with http.uow.transaction() as session:
            rows = await sessions.list_mine(session, actor, limit=paging.fetch, after=paging.after)
        return paging.page(rows, view, lambda row: row.id)

    @router.delete(
        "/sessions/{session_id}",
        operation_id="delete_session",
        summary="Sign a browser out",
        status_code=204,
        responses=problems(401, 403, 404),
    )
    async def delete_session(session_id: str, actor: current) -> None:
        async with http.uow.transaction() as session:
            await sessions.end(session, actor, session_id)

    @router.delete(
        "/sessions",
        operation_id="delete_sessions",
        summary="Sign out everywhere",
        status_code=204,
        responses=problems(401, 403, 422),
    )
    async def delete_sessions(
        actor: current,
        keep_current: Annotated[bool, Query(description="Stay signed in here.")] = False,
    ) -> None:
        async with http.uow.transaction() as session:
            await sessions.end_all(session, actor, keep_this=keep_current)
