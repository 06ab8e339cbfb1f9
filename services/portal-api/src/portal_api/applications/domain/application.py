"""An application: a developer's program, in one organization's portal."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.errors import DomainError

ApplicationStatus = Literal["active", "deleting", "deleted"]

DEFAULT_LIFETIME_SECONDS = 3_600
MIN_LIFETIME_SECONDS = 60
MAX_LIFETIME_SECONDS = 31_536_000
MAX_APPLICATIONS_PER_DEVELOPER = 100


@dataclass(frozen=True, slots=True)
class Application:
    """Belongs to (organization, developer). `number` stands in call records and is never reused."""

    id: str
    number: int
    organization_id: str
    developer_id: str
    name: str
    description: str
    access_token_lifetime_seconds: int
    status: ApplicationStatus
    created_at: datetime


def check_lifetime(seconds: int) -> int:
    """The page's "Application Access Token Expiry Time": a minute to a year."""
    if MIN_LIFETIME_SECONDS <= seconds <= MAX_LIFETIME_SECONDS:
        return seconds
    raise DomainError(
        "invalid-request",
        422,
        "The request is not valid",
        f"access_token_lifetime_seconds must be from {MIN_LIFETIME_SECONDS} to {MAX_LIFETIME_SECONDS}.",
        field="access_token_lifetime_seconds",
    )


def check_name(name: str) -> str:
    """A name that a list can show."""
    stripped = name.strip()
    if 1 <= len(stripped) <= 100 and stripped.isprintable():
        return stripped
    detail = "name must have 1 to 100 printable characters."
    raise DomainError("invalid-request", 422, "The request is not valid", detail, field="name")


def check_active(application: Application) -> Application:
    """Nothing new may be made for an application that is going away."""
    if application.status == "active":
        return application
    raise DomainError(
        "application-deleted",
        409,
        "The application is being deleted",
        "Create another application; this one only waits for its subscriptions to end.",
    )


def no_such_application(application_id: str) -> DomainError:
    """Also the answer about another developer's application: its existence is nobody's business."""
    return DomainError(
        "application-not-found",
        404,
        "No such application",
        f"There is no application {application_id[:64]!r} that you own. List yours to find its id.",
    )
