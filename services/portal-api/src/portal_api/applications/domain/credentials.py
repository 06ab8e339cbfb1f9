"""OAuth2 clients and API keys, and how their secrets are kept.

Both are hashed with SHA-256, without salt or stretching: a secret here is 256 random bits of ours, never a person's
choice, so there is no dictionary to try, and argon2 would only make every token request (and, at the gateway, every
call with an API key, which is found *by* its hash) a hundred times dearer.
"""

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from shared.errors import DomainError
from shared.events.identity import CredentialState, KeyHash

CredentialEnvironment = Literal["production", "sandbox"]
CredentialStatus = Literal["active", "revoked"]

KEY_PREFIXES: dict[str, str] = {"production": "tw_live_", "sandbox": "tw_test_"}
SHOWN_PREFIX_CHARACTERS = 12
MAX_CREDENTIALS_PER_APPLICATION = 50
MAX_GRACE_SECONDS = 30 * 86_400


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
    previous_secret_hash: str | None = None
    previous_valid_until: datetime | None = None
    last_used_at: datetime | None = None

    @property
    def generation(self) -> int:
        """What tokens of the present secret carry. Above `min_generation` in a grace, so that its end spares them."""
        return self.min_generation + (1 if self.previous_secret_hash else 0)


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
    previous_key_hash: str | None = None
    previous_valid_until: datetime | None = None


def hash_secret(secret: str) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_secret(candidate: str, secret_hash: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(hash_secret(candidate), secret_hash)


def generation_of(client: OAuthClient, secret: str, now: datetime) -> int | None:
    """What a token for this secret must carry; None: it is no valid secret of the client.

    A rotated secret stays valid until its grace ends, and its tokens end with it.
    """
    if is_secret(secret, client.secret_hash):
        return client.generation
    if client.previous_secret_hash is None or client.previous_valid_until is None:
        return None
    if is_secret(secret, client.previous_secret_hash) and now < client.previous_valid_until:
        return client.min_generation
    return None


def check_grace(seconds: int) -> timedelta:
    """How long a rotated secret stays valid: at most 30 days. Raises DomainError."""
    if 0 <= seconds <= MAX_GRACE_SECONDS:
        return timedelta(seconds=seconds)
    raise DomainError(
        "invalid-request",
        422,
        "The request is not valid",
        f"grace_seconds must be from 0 to {MAX_GRACE_SECONDS} (30 days).",
        field="grace_seconds",
    )


def revoke_client(client: OAuthClient, now: datetime) -> OAuthClient:
    """Off at once: no new tokens, and those out there are below `min_generation`. Twice changes nothing."""
    if client.status == "revoked":
        return client
    ended = replace(revoke_tokens(client), previous_secret_hash=None, previous_valid_until=None)
    return replace(ended, status="revoked", revoked_at=now)


def revoke_tokens(client: OAuthClient) -> OAuthClient:
    """Tokens issued so far end, of a rotated secret too; the client may ask for new ones."""
    return replace(client, version=client.version + 1, min_generation=client.generation + 1)


def rotate_secret(client: OAuthClient, secret_hash: str, now: datetime, grace: timedelta) -> OAuthClient:
    """Another secret. Without grace the old one and its tokens end at once (a leak's cure); with it, when it ends.

    A rotation within a grace ends that grace: never more than two secrets are valid.
    """
    if grace <= timedelta(0):
        ended = replace(revoke_tokens(client), previous_secret_hash=None, previous_valid_until=None)
        return replace(ended, secret_hash=secret_hash)
    client = end_grace(client)
    return replace(
        client,
        version=client.version + 1,
        secret_hash=secret_hash,
        previous_secret_hash=client.secret_hash,
        previous_valid_until=now + grace,
    )


def end_grace(client: OAuthClient) -> OAuthClient:
    """The rotated secret and its tokens end. Without a grace nothing changes."""
    if client.previous_secret_hash is None:
        return client
    return replace(
        client,
        version=client.version + 1,
        min_generation=client.generation,
        previous_secret_hash=None,
        previous_valid_until=None,
    )


def revoke_key(key: ApiKey, now: datetime) -> ApiKey:
    """Off at once. Twice changes nothing."""
    if key.status == "revoked":
        return key
    return replace(end_key_grace(key), status="revoked", revoked_at=now, version=key.version + 1)


def rotate_key(key: ApiKey, secret: str, now: datetime, grace: timedelta) -> ApiKey:
    """Another key under the same id; the old one is valid until the grace ends."""
    keeps_old = grace > timedelta(0)
    return replace(
        key,
        version=key.version + 1,
        prefix=secret[:SHOWN_PREFIX_CHARACTERS],
        key_hash=hash_secret(secret),
        previous_key_hash=key.key_hash if keeps_old else None,
        previous_valid_until=now + grace if keeps_old else None,
    )


def end_key_grace(key: ApiKey) -> ApiKey:
    """The rotated key ends. Without a grace nothing changes."""
    if key.previous_key_hash is None:
        return key
    return replace(key, version=key.version + 1, previous_key_hash=None, previous_valid_until=None)


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
        key_hashes=_hashes(key) if key.status == "active" else (),
    )


def _hashes(key: ApiKey) -> tuple[KeyHash, ...]:
    present = KeyHash(sha256=key.key_hash)
    if key.previous_key_hash is None:
        return (present,)
    return (present, KeyHash(sha256=key.previous_key_hash, valid_until=key.previous_valid_until))
