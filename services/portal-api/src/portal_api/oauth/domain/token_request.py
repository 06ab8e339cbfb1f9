"""A token request (RFC 6749, 4.4) and what is wrong with it (5.2)."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote_plus

ErrorCode = Literal[
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "temporarily_unavailable",
]
MAX_PARAMETER_LENGTH = 1_000


@dataclass
class OAuthError(Exception):
    """An answer of RFC 6749, 5.2: a code and a sentence, both public."""

    code: ErrorCode
    description: str
    status: int = 400
    retry_after_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """Who asks, with which secret."""

    client_id: str
    client_secret: str


def read_token_request(authorization: str | None, form: Sequence[tuple[str, str]]) -> TokenRequest:
    """The request, by `client_secret_basic` or `client_secret_post`. Raises OAuthError."""
    parameters: dict[str, str] = {}
    for name, value in form:
        if name in parameters:
            raise OAuthError("invalid_request", f"The parameter {name[:64]!r} must not be repeated.")
        if len(value) > MAX_PARAMETER_LENGTH:
            raise OAuthError("invalid_request", f"The parameter {name[:64]!r} is too long.")
        if value:  # RFC 6749, 3.2: a parameter without a value is as good as omitted
            parameters[name] = value
    grant_type = parameters.get("grant_type")
    if grant_type is None:
        raise OAuthError("invalid_request", "Send grant_type=client_credentials, form-encoded.")
    if grant_type != "client_credentials":
        raise OAuthError("unsupported_grant_type", "Only client_credentials is supported.")
    request = _client(authorization, parameters)
    if parameters.get("scope", "").strip():
        raise OAuthError("invalid_scope", "No scopes are defined for this client. Leave scope out.")
    return request


def _client(authorization: str | None, parameters: dict[str, str]) -> TokenRequest:
    client_id, client_secret = parameters.get("client_id"), parameters.get("client_secret")
    if authorization is not None:
        if client_secret is not None:
            raise OAuthError("invalid_request", "Authenticate in one way: by Authorization header or by parameters.")
        basic = _basic(authorization)
        if client_id is not None and client_id != basic.client_id:
            raise OAuthError("invalid_request", "client_id differs from the Authorization header's.")
        return basic
    if client_id is None or client_secret is None:
        raise invalid_client()
    return TokenRequest(client_id, client_secret)


def _basic(authorization: str) -> TokenRequest:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > 2 * MAX_PARAMETER_LENGTH:
        raise invalid_client()
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise invalid_client() from error
    client_id, colon, client_secret = decoded.partition(":")
    if not colon or not client_id:
        raise invalid_client()
    return TokenRequest(unquote_plus(client_id), unquote_plus(client_secret))


def invalid_client() -> OAuthError:
    """Unknown client, wrong secret or revoked: one answer for all, so that nobody learns which clients exist."""
    return OAuthError(
        "invalid_client", "Client authentication failed. Check the consumer key and secret, or generate new ones.", 401
    )
