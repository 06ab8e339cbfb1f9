"""The token endpoint and the metadata documents. Errors are RFC 6749's JSON, not problem documents."""

from dataclasses import dataclass
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from portal_api.applications.use_cases.applications import Applications
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import problems
from portal_api.identity.domain.access import Actor
from portal_api.oauth.domain.token_request import OAuthError, TokenRequest, read_token_request
from portal_api.oauth.use_cases import AuthorizationServer, IssuedToken

MAX_BODY_BYTES = 16_384
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
TOKEN_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"type": "string", "enum": ["client_credentials"]},
                        "client_id": {"type": "string", "description": "The Consumer Key."},
                        "client_secret": {"type": "string", "format": "password"},
                        "scope": {"type": "string"},
                    },
                },
                "example": {"grant_type": "client_credentials", "client_id": "client_01...", "client_secret": "..."},
            }
        },
    }
}


@dataclass(frozen=True, slots=True)
class OAuthRoutes:
    """What `main` hands over."""

    http: HttpDependencies
    server: AuthorizationServer
    applications: Applications


class TokenView(BaseModel):
    """RFC 6749, 5.1."""

    access_token: str
    token_type: str = "Bearer"
    expires_in: int = Field(description="Seconds.", examples=[3600])


class OAuthErrorView(BaseModel):
    """RFC 6749, 5.2."""

    error: str = Field(examples=["invalid_client"])
    error_description: str


def create_router(deps: OAuthRoutes) -> APIRouter:
    """All routes of the feature."""
    router = APIRouter()
    _token_endpoint(router, deps)
    _generate(router, deps)
    _documents(router, deps)
    return router


def _token_endpoint(router: APIRouter, deps: OAuthRoutes) -> None:
    @router.post(
        "/oauth2/token",
        response_model=TokenView,
        operation_id="create_access_token",
        tags=["OAuth2"],
        summary="Get an access token (client_credentials)",
        responses={
            400: {"model": OAuthErrorView, "description": "The request is wrong"},
            401: {"model": OAuthErrorView, "description": "The client cannot be authenticated"},
            429: {"model": OAuthErrorView, "description": "Too many failed authentications"},
        },
        openapi_extra=TOKEN_FORM,
    )
    async def token(request: Request) -> Response:
        """Authenticate by HTTP Basic or by `client_id` and `client_secret` in the form."""
        try:
            wanted = await _read(request)
            address = request.client.host if request.client else ""
            async with deps.http.uow.transaction() as session:
                issued = await deps.server.issue_token(session, wanted, address)
        except OAuthError as error:
            return _refusal(error)
        return _answer(issued)


def _generate(router: APIRouter, deps: OAuthRoutes) -> None:
    @router.post(
        "/v1/applications/{id}/oauth-clients/{client_id}/access-tokens",
        response_model=TokenView,
        operation_id="generate_access_token",
        tags=["Credentials"],
        summary="Generate an access token for your own client",
        responses=problems(401, 404, 409),
    )
    async def generate(
        id: str,  # noqa: A002
        client_id: str,
        actor: Actor = Depends(deps.http.current_actor),
    ) -> Response:
        """The Manage Keys page's "Generate": you need not type the secret."""
        async with deps.http.uow.transaction() as session:
            application = await deps.applications.owned(session, id, actor.user_id)
            issued = await deps.server.generate_token(session, application, client_id)
        return _answer(issued)


def _documents(router: APIRouter, deps: OAuthRoutes) -> None:
    issuer = deps.server.issuer

    @router.get("/.well-known/jwks.json", operation_id="get_jwks", tags=["OAuth2"], summary="Public signing keys")
    async def jwks() -> Response:
        """RFC 7517."""
        async with deps.http.uow.transaction() as session:
            keys = await deps.server.valid_keys(session)
        return JSONResponse(
            {"keys": [key.public_jwk for key in keys]}, headers={"Cache-Control": "public, max-age=300"}
        )

    @router.get(
        "/.well-known/oauth-authorization-server",
        operation_id="get_authorization_server_metadata",
        tags=["OAuth2"],
        summary="Authorization server metadata",
    )
    async def metadata() -> dict[str, str | list[str]]:
        """RFC 8414."""
        methods = ["client_secret_basic", "client_secret_post"]
        return {
            "issuer": issuer,
            "token_endpoint": f"{issuer}/oauth2/token",
            "jwks_uri": f"{issuer}/.well-known/jwks.json",
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": methods,
            "scopes_supported": [],
            "service_documentation": f"{issuer}/docs",
        }


async def _read(request: Request) -> TokenRequest:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "Send the parameters as application/x-www-form-urlencoded.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise OAuthError("invalid_request", "The request is too large.")
    try:
        form = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise OAuthError("invalid_request", "The form cannot be read.") from error
    return read_token_request(request.headers.get("authorization"), form)


def _answer(issued: IssuedToken) -> Response:
    view = TokenView(access_token=issued.access_token, expires_in=issued.expires_in_seconds)
    return JSONResponse(view.model_dump(), headers=NO_STORE)


def _refusal(error: OAuthError) -> Response:
    headers = dict(NO_STORE)
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Tollway", charset="UTF-8"'
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    body = OAuthErrorView(error=error.code, error_description=error.description)
    return JSONResponse(body.model_dump(), status_code=error.status, headers=headers)
