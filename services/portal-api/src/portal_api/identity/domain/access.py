"""Who is asking, and which role covers which. Pages and API ask here, by way of `Organizations.require_role`."""

from dataclasses import dataclass
from typing import Literal

from portal_api.identity.domain.user import SCOPES, Scope

Role = Literal["admin", "publisher", "viewer"]

ROLES: tuple[Role, ...] = ("admin", "publisher", "viewer")
_COVERS: dict[Role, frozenset[Role]] = {
    "admin": frozenset(("admin", "publisher", "viewer")),
    "publisher": frozenset(("publisher", "viewer")),
    "viewer": frozenset(("viewer",)),
}
MAY: dict[Role, str] = {
    "admin": "Everything, members and Stripe included.",
    "publisher": "Import, deploy and publish APIs, and choose their plans.",
    "viewer": "Look at everything, change nothing.",
}


@dataclass(frozen=True, slots=True)
class Actor:
    """An authenticated user, and how: by a browser's session or by a personal access token.

    What an actor may do in an organization is not here: `Organizations.require_role` reads it in the transaction.
    """

    user_id: str
    email: str
    name: str
    kind: Literal["session", "personal_access_token"]
    credential_id: str
    email_verified: bool = False
    scopes: tuple[Scope, ...] = SCOPES


def covers(role: Role, wanted: Role) -> bool:
    """Whether somebody with `role` may do what `wanted` may do."""
    return wanted in _COVERS[role]
