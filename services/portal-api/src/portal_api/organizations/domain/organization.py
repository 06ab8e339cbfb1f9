"""Organizations, members and projects, and the rule for their identifiers."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from portal_api.identity.domain.access import Role

MIN_IDENTIFIER, MAX_IDENTIFIER = 3, 40
# Parts of our own addresses, which an organization's identifier stands beside: `{gateway}/dev/...`, `/portal/...`.
RESERVED = frozenset(
    ("dev", "api", "apis", "console", "portal", "oauth2", "problems", "static", "assets", "livez", "readyz", "metrics")
)

_IDENTIFIER = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """A provider: it owns projects, APIs and plans, and has one Stripe account."""

    id: str
    name: str
    identifier: str
    created_at: datetime
    privacy_policy_accepted_at: datetime
    terms_accepted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A user with a role in an organization."""

    organization_id: str
    user_id: str
    role: Role
    created_at: datetime
    email: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A drawer for APIs."""

    id: str
    organization_id: str
    display_name: str
    identifier: str
    description: str
    created_at: datetime


def slug(name: str) -> str:
    """An identifier made of a name: `Reading List` -> `reading-list`. May be too short to be one."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_IDENTIFIER].strip("-")


def identifier_fault(identifier: str, *, reserved: frozenset[str] = frozenset()) -> str | None:
    """Why it cannot be an identifier, as a sentence; None when it can."""
    if not MIN_IDENTIFIER <= len(identifier) <= MAX_IDENTIFIER:
        return f"An identifier has {MIN_IDENTIFIER} to {MAX_IDENTIFIER} characters."
    if not _IDENTIFIER.fullmatch(identifier):
        return "An identifier has lower-case letters, digits and hyphens, and neither begins nor ends with a hyphen."
    if identifier in reserved:
        return f"The identifier `{identifier}` is reserved. Choose another."
    return None
