"""OAuth2 clients and API keys, and how their secrets are kept.

Both are hashed with SHA-256, without salt or stretching: a secret here is 256 random bits of ours, never a person's
choice, so there is no dictionary to try, and argon2 would only make every token request (and, at the gateway, every
call with an API key, which is found *by* its hash) a hundred times dearer.
"""

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from shared.events.identity import CredentialState, KeyHash

CredentialEnvironment = Literal["production", "sandbox"]
CredentialStatus = Literal["active", "revoked"]

KEY_PREFIXES: dict[str, str] = {"production": "tw_live_", "sandbox": "tw_test_"}
SHOWN_PREFIX_CHARACTERS = 12
MAX_CREDENTIALS_PER_APPLICATION = 50


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """`client_id` and `client_secret` are the pages' Consumer Key and Consumer Secret."""

    id: str
    application_id: str
    environment: CredentialEnvironment
    secret_hash: str
    status: CredentialStatus
    version: int
    min_generation: int
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """The static credential. `prefix` is what lists show, so that a person recognizes it."""

    id: str
    application_id: str
    environment: CredentialEnvironment
    prefix: str
    key_hash: str
    status: CredentialStatus
    version: int
    created_at: datetime
    revoked_at: datetime | None = None


def hash_secret(secret: str) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_secret(candidate: str, secret_hash: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(hash_secret(candidate), secret_hash)


def revoke_client(client: OAuthClient, now: datetime) -> OAuthClient:
    """Off at once: no new tokens, and those out there are below `min_generation`. Twice changes nothing."""
    if client.status == "revoked":
        return client
    return replace(
        client,
        status="revoked",
        revoked_at=now,
        version=client.version + 1,
        min_generation=client.min_generation + 1,
    )


def revoke_tokens(client: OAuthClient) -> OAuthClient:
    """Tokens issued so far end; the client may ask for new ones."""
    return replace(client, version=client.version + 1, min_generation=client.min_generation + 1)


def rotate_secret(client: OAuthClient, secret_hash: str) -> OAuthClient:
    """Another secret; the old one and its tokens end at once, because a rotation is mostly a leak's cure."""
    return replace(revoke_tokens(client), secret_hash=secret_hash)


def revoke_key(key: ApiKey, now: datetime) -> ApiKey:
    """Off at once. Twice changes nothing."""
    if key.status == "revoked":
        return key
    return replace(key, status="revoked", revoked_at=now, version=key.version + 1)


def client_state(client: OAuthClient, *, application_number: int, organization_id: str) -> CredentialState:
    """What the gateway may know: never a secret, not even its hash."""
    return CredentialState(
        version=client.version,
        credential_id=client.id,
        kind="oauth_client",
        application_id=client.application_id,
        application_number=application_number,
        organization_id=organization_id,
        environment=client.environment,
        status=client.status,
        min_generation=client.min_generation,
    )


def key_state(key: ApiKey, *, application_number: int, organization_id: str) -> CredentialState:
    """The gateway finds an API key by its hash."""
    return CredentialState(
        version=key.version,
        credential_id=key.id,
        kind="api_key",
        application_id=key.application_id,
        application_number=application_number,
        organization_id=organization_id,
        environment=key.environment,
        status=key.status,
        key_hashes=(KeyHash(sha256=key.key_hash),) if key.status == "active" else (),
    )
