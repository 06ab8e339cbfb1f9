"""Who sends a request: a personal access token as bearer, or a browser's session cookie with its CSRF token."""

import hmac

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from portal_api.http.request_context import identify
from portal_api.identity.domain.access import Actor
from portal_api.identity.domain.user import TOKEN_PREFIX, csrf_token_of
from portal_api.identity.use_cases.sessions import AccessTokens, Sessions
from shared.db.unit_of_work import UnitOfWork
from shared.errors import DomainError

SESSION_COOKIE = "tollway_session"
CSRF_HEADER = "X-CSRF-Token"
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))

_bearer = HTTPBearer(
    scheme_name="personal_access_token", description="A personal access token, `pat_...`.", auto_error=False
)
_cookie = APIKeyCookie(
    name=SESSION_COOKIE,
    scheme_name="session",
    description=f"A browser's session. Methods that change something also need the header `{CSRF_HEADER}`.",
    auto_error=False,
)


class Authenticator:
    """Its methods are the FastAPI dependencies that `main` hands to every feature's routes."""

    def __init__(self, sessions: Sessions, tokens: AccessTokens, uow: UnitOfWork) -> None:
        self._sessions = sessions
        self._tokens = tokens
        self._uow = uow

    async def current_actor(
        self,
        request: Request,
        bearer: HTTPAuthorizationCredentials | None = Depends(_bearer),
        cookie: str | None = Depends(_cookie),
    ) -> Actor:
        """The actor, or 401; 403 where a cookie comes without its CSRF token, or a reading token changes something."""
        actor = await self._find(bearer.credentials if bearer else None, cookie)
        if actor is None:
            raise DomainError(
                "authentication-required",
                401,
                "Sign in first",
                "Send `Authorization: Bearer pat_...` with a valid personal access token, or sign in with a session.",
            )
        if request.method not in _SAFE:
            if actor.kind == "session":
                _check_csrf(request, cookie or "")
            _check_scopes(actor)
        _tell(actor)
        return actor

    async def optional_actor(
        self,
        request: Request,
        bearer: HTTPAuthorizationCredentials | None = Depends(_bearer),
        cookie: str | None = Depends(_cookie),
    ) -> Actor | None:
        """The actor, if somebody is signed in. It checks no CSRF token: pages check their forms'."""
        actor = await self._find(bearer.credentials if bearer else None, cookie)
        if actor is not None:
            if request.method not in _SAFE:
                _check_scopes(actor)
            _tell(actor)
        return actor

    async def _find(self, bearer: str | None, cookie: str | None) -> Actor | None:
        if bearer is not None:
            # A wrong bearer is never saved by a cookie: the request says how it wants to be known.
            if not bearer.startswith(TOKEN_PREFIX):
                return None
            async with self._uow.statements() as session:
                return await self._tokens.actor(session, bearer)
        if cookie:
            async with self._uow.statements() as session:
                return await self._sessions.actor(session, cookie)
        return None


def _tell(actor: Actor) -> None:
    """The audit log writes down who changes something."""
    identify(
        user_id=actor.user_id,
        name=actor.name,
        email=actor.email,
        kind=actor.kind,
        credential_id=actor.credential_id,
    )


def _check_scopes(actor: Actor) -> None:
    if "write" not in actor.scopes:
        detail = "This token has the scope `read` only. Use one with the scope `write` for changes."
        raise DomainError("token-read-only", 403, "The token may only read", detail)


def _check_csrf(request: Request, session_token: str) -> None:
    sent = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(sent.encode(), csrf_token_of(session_token).encode()):
        detail = f"Send the session's CSRF token (`GET /v1/sessions/current`) in the header {CSRF_HEADER}."
        raise DomainError("csrf-token-invalid", 403, "The CSRF token is missing or wrong", detail, CSRF_HEADER)
