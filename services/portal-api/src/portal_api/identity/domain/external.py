"""Signing in elsewhere: providers, what they say of a person, and the way there and back."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

FLOW_LIFE = timedelta(minutes=10)
# The browser keeps its half of a flow here; only the addresses below the path see it.
FLOW_COOKIE = "tollway_sign_in"
FLOW_PATH = "/sign-in/with"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider:
    """An OpenID Connect issuer, or GitHub's OAuth2 dialect. From the operator's settings.

    `trust_email`: the operator vouches that this issuer gives only addresses that it has checked (a company's own).
    """

    id: str
    name: str
    kind: Literal["oidc", "github"]
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    trust_email: bool = False
    # GitHub's API; another address for GitHub Enterprise.
    api_url: str = "https://api.github.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalClaims:
    """Who signed in there. (issuer, subject) never changes; the e-mail address may."""

    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalIdentity:
    """A person there who is a user here."""

    id: str
    issuer: str
    subject: str
    provider_id: str
    user_id: str
    email: str
    linked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInFlow:
    """One way there and back. `link_user_id`: a user who is signed in adds this way to sign in."""

    state_sha256: str
    browser_sha256: str
    provider_id: str
    nonce: str
    code_verifier: str
    next_path: str
    link_user_id: str | None
    created_at: datetime
    expires_at: datetime
