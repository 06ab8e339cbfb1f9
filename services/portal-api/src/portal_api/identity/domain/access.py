"""Who is asking, and which role covers which."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["admin", "publisher"]

ROLES: tuple[Role, ...] = ("admin", "publisher")
_COVERS: dict[Role, frozenset[Role]] = {
    "admin": frozenset(("admin", "publisher")),
    "publisher": frozenset(("publisher",)),
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


def covers(role: Role, wanted: Role) -> bool:
    """Whether somebody with `role` may do what `wanted` may do."""
    return wanted in _COVERS[role]
