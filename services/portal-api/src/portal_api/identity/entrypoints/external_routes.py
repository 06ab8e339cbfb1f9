"""Signing in elsewhere over HTTP: two addresses for browsers, and the links of an account for programs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Cookie, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from portal_api.http.client import client_of
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import problems
from portal_api.identity.domain.access import Actor
from portal_api.identity.domain.external import FLOW_COOKIE, FLOW_LIFE, FLOW_PATH, ExternalIdentity
from portal_api.identity.domain.user import SESSION_LIFE, Origin
from portal_api.identity.entrypoints.authentication import SESSION_COOKIE
from portal_api.identity.use_cases.external import Departure, ExternalSignIn
from shared.errors import DomainError


class ProviderView(BaseModel):
    """A way to sign in."""

    id: str = Field(examples=["google"])
    name: str = Field(examples=["Google"])
    kind: Literal["oidc", "github"]
    sign_in_url: str = Field(description="Open it in a browser; `?next=/path` says where to go afterwards.")


class ProviderList(BaseModel):
    """All ways."""

    data: list[ProviderView]


class LinkedIdentity(BaseModel):
    """A person elsewhere who is this user."""

    id: str
    provider: str
    email: str
    linked_at: datetime

    @classmethod
    def of(cls, row: ExternalIdentity) -> "LinkedIdentity":
        """Of a linked identity."""
        return cls(id=row.id, provider=row.provider_id, email=row.email, linked_at=row.linked_at)


class LinkedIdentityList(BaseModel):
    """All of a user: a handful."""

    data: list[LinkedIdentity]


class LinkBegun(BaseModel):
    """Open it in the same browser."""

    authorization_url: str


@dataclass(frozen=True, slots=True)
class ExternalRoutes:
    """What `main` hands over."""

    http: HttpDependencies
    external: ExternalSignIn
    secure_cookies: bool


def create_router(deps: ExternalRoutes) -> APIRouter:
    """The routes of signing in elsewhere."""
    router = APIRouter(tags=["Identity"])
    _add_browser_routes(router, deps)
    _add_link_routes(router, deps)
    return router


def _add_browser_routes(router: APIRouter, deps: ExternalRoutes) -> None:
    external = deps.external

    @router.get("/sign-in/with/{provider}", include_in_schema=False)
    async def leave(provider: str, request: Request, next: str = "/") -> Response:  # noqa: A002
        try:
            departure = await external.begin(provider, next_path=_local_path(next), origin=Origin(*client_of(request)))
        except DomainError as error:
            return _failed(error)
        answer = RedirectResponse(departure.url, status_code=303)
        _keep(answer, departure, deps.secure_cookies)
        return answer

    @router.get("/sign-in/with/{provider}/callback", include_in_schema=False)
    async def come_back(
        provider: str,
        request: Request,
        state: Annotated[str, Query(max_length=200)] = "",
        code: Annotated[str, Query(max_length=4000)] = "",
        error: Annotated[str, Query(max_length=200)] = "",
        browser: Annotated[str | None, Cookie(alias=FLOW_COOKIE)] = None,
    ) -> Response:
        try:
            if error or not code:
                detail = "You turned back, or the provider did not let you in. Try again, or use your password."
                raise DomainError("provider-refused", 403, "Signing in elsewhere failed", detail)
            signed_in, target = await external.finish(
                provider, state=state, code=code, browser_secret=browser or "", origin=Origin(*client_of(request))
            )
        except DomainError as refusal:
            return _failed(refusal)
        answer = RedirectResponse(target, status_code=303)
        answer.set_cookie(
            SESSION_COOKIE,
            signed_in.token,
            max_age=int(SESSION_LIFE.total_seconds()),
            path="/",
            secure=deps.secure_cookies,
            httponly=True,
            samesite="lax",
        )
        answer.delete_cookie(FLOW_COOKIE, path=FLOW_PATH)
        return answer


def _add_link_routes(router: APIRouter, deps: ExternalRoutes) -> None:
    external, http = deps.external, deps.http
    current = Annotated[Actor, Depends(http.current_actor)]

    @router.get(
        "/v1/sign-in-providers",
        operation_id="get_sign_in_providers",
        summary="How can people sign in?",
        responses=problems(429),
    )
    async def get_sign_in_providers() -> ProviderList:
        return ProviderList(
            data=[
                ProviderView(
                    id=one.id, name=one.name, kind=one.kind, sign_in_url=f"{http.base_url}{FLOW_PATH}/{one.id}"
                )
                for one in external.providers.values()
            ]
        )

    @router.get(
        "/v1/users/me/identities",
        operation_id="get_linked_identities",
        summary="Where can I sign in from?",
        responses=problems(401),
    )
    async def get_linked_identities(actor: current) -> LinkedIdentityList:
        async with http.uow.transaction() as session:
            return LinkedIdentityList(data=[LinkedIdentity.of(one) for one in await external.linked(session, actor)])

    @router.post(
        "/v1/users/me/identities/{provider}",
        operation_id="link_identity",
        summary="Add a way to sign in",
        description="Needs a confirmed e-mail address and a browser's session; open the answer's URL in that browser.",
        responses=problems(401, 403, 404, 429, 503),
    )
    async def link_identity(provider: str, actor: current, request: Request, response: Response) -> LinkBegun:
        if actor.kind != "session":
            detail = "Linking happens in a browser: sign in with a session."
            raise DomainError("session-required", 403, "Sign in with a session for this", detail)
        departure = await external.begin(
            provider, next_path="/profile", origin=Origin(*client_of(request)), link_for=actor
        )
        _keep(response, departure, deps.secure_cookies)
        return LinkBegun(authorization_url=departure.url)

    @router.delete(
        "/v1/users/me/identities/{identity_id}",
        operation_id="unlink_identity",
        summary="Take a way to sign in away",
        status_code=204,
        responses=problems(401, 403, 404, 409),
    )
    async def unlink_identity(identity_id: str, actor: current) -> None:
        async with http.uow.transaction() as session:
            await external.unlink(session, actor, identity_id)


def _keep(answer: Response, departure: Departure, secure: bool) -> None:
    # Lax, not Strict: the browser comes back from another site.
    answer.set_cookie(
        FLOW_COOKIE,
        departure.browser_secret,
        max_age=int(FLOW_LIFE.total_seconds()),
        path=FLOW_PATH,
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def _failed(error: DomainError) -> Response:
    """Back to the sign-in page, which says why."""
    return RedirectResponse("/sign-in?" + urlencode({"problem": error.problem}), status_code=303)


def _local_path(target: str) -> str:
    """Only paths of ours: a sign-in never leads elsewhere."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    return target if target.isprintable() else "/"
