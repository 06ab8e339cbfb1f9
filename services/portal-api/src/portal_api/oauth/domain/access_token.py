"""What an access token says (RFC 9068) and how long a signing key serves. Real time, never business time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal_api.applications.domain.application import MAX_LIFETIME_SECONDS

SIGNING_PERIOD = timedelta(days=365)
# A key must verify what it signed on its last day.
KEY_LIFE = SIGNING_PERIOD + timedelta(seconds=MAX_LIFETIME_SECONDS) + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A P-256 key; the private half only encrypted. At most one is active."""

    kid: str
    version: int
    encrypted_private_key: bytes
    public_jwk: dict[str, str]
    not_before: datetime
    not_after: datetime
    active: bool


@dataclass(frozen=True, slots=True)
class TokenSubject:
    """For whom a token is."""

    client_id: str
    organization_id: str
    generation: int
    lifetime_seconds: int


def claims_for(subject: TokenSubject, *, issuer: str, token_id: str, now: datetime) -> dict[str, str | int]:
    """`gen` is what revocation compares with the client's `min_generation`; `aud` keeps providers apart."""
    issued = int(now.timestamp())
    return {
        "iss": issuer,
        "sub": subject.client_id,
        "client_id": subject.client_id,
        "aud": subject.organization_id,
        "iat": issued,
        "exp": issued + subject.lifetime_seconds,
        "jti": token_id,
        "scope": "",
        "gen": subject.generation,
    }


def is_due_for_rotation(key: SigningKey, now: datetime) -> bool:
    """Whether another key should sign from now on."""
    return now >= key.not_before + SIGNING_PERIOD
