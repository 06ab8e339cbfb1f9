"""What a caller shows: an access token or an API key, and what the gateway knows of it."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from shared.events.identity import CredentialState

MAX_TOKEN_BYTES = 8 * 1024
MAX_API_KEY_BYTES = 512


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key; only its hash is compared and kept."""

    sha256: str


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What a rightly signed, unexpired access token of our issuer says. Times are real seconds since 1970."""

    client_id: str
    audience: frozenset[str]
    generation: int
    issued_at: int
    expires_at: int


def bearer_token(authorization: bytes | None) -> bytes | None:
    """The access token (RFC 6750) of an Authorization header; None where it has none of this scheme."""
    if authorization is None or authorization[:7].lower() != b"bearer ":
        return None
    return authorization[7:].strip(b" ")


def api_key(shown: bytes) -> ApiKey:
    """A key as it was shown, by its hash."""
    return ApiKey(hashlib.sha256(shown[:MAX_API_KEY_BYTES]).hexdigest())


def is_live_client(credential: CredentialState, generation: int) -> bool:
    """Whether a token of this generation of the OAuth2 client may still be used."""
    return (
        credential.kind == "oauth_client" and credential.status == "active" and generation >= credential.min_generation
    )


def is_live_key(credential: CredentialState, sha256: str, real_now: datetime) -> bool:
    """Whether the key with this hash may be used: credentials live on real time, like tokens."""
    return (
        credential.kind == "api_key"
        and credential.status == "active"
        and any(
            one.sha256 == sha256 and (one.valid_until is None or real_now < one.valid_until)
            for one in credential.key_hashes
        )
    )
