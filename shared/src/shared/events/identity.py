"""What portal-api says about credentials, signing keys and developers (`identity.*`)."""

from datetime import datetime
from typing import Literal

import msgspec

from shared.events.envelope import State


class KeyHash(msgspec.Struct, frozen=True, kw_only=True):
    """SHA-256 (hex) of an API key; two may be valid side by side while a key is rotated."""

    sha256: str
    valid_until: datetime | None = None


class CredentialState(State, frozen=True, kw_only=True, tag="identity.credential.v1"):
    """An OAuth2 client or an API key of an application. Key: credential_id (an OAuth client's is its `client_id`).

    Client secrets stay in portal-api: only its token endpoint checks them. API keys are checked by the gateway, so
    their hashes are here. A token whose `gen` claim is below `min_generation` is revoked.
    """

    credential_id: str
    kind: Literal["oauth_client", "api_key"]
    application_id: str
    application_number: int
    organization_id: str
    environment: Literal["production", "sandbox"]
    status: Literal["active", "revoked"]
    key_hashes: tuple[KeyHash, ...] = ()
    min_generation: int = 0
    scopes: tuple[str, ...] = ()


class SigningKeyState(State, frozen=True, kw_only=True, tag="identity.signing_key.v1"):
    """A public key of the authorization server (RFC 7517 members as strings). Key: kid."""

    kid: str
    public_jwk: dict[str, str]
    not_before: datetime
    not_after: datetime


class DeveloperState(State, frozen=True, kw_only=True, tag="identity.developer.v1"):
    """Who calls and pays, as Stripe needs to know them. Key: developer_id."""

    developer_id: str
    email: str
    name: str
    locale: str = "en"
