"""What the journey has made so far."""

from dataclasses import dataclass, field
from datetime import datetime

from journey.addresses import Addresses
from journey.client import Client


@dataclass
class Person:
    """Somebody with an account."""

    email: str
    password: str
    client: Client
    token: str = ""


@dataclass
class App:
    """An application with a subscription and credentials."""

    application_id: str
    subscription_id: str = ""
    client_id: str = ""
    client_secret: str = ""
    access_token: str = ""


@dataclass
class Journey:
    """Everything later steps need of earlier ones. `invoice_calls` calls go onto the first invoice."""

    addresses: Addresses
    run: str
    invoice_calls: int
    provider: Person
    developer: Person
    organization_id: str = ""
    organization: str = ""
    project_id: str = ""
    api_id: str = ""
    api_url: str = ""
    plan_id: str = ""
    first: App = field(default_factory=lambda: App(""))
    second: App = field(default_factory=lambda: App(""))
    period_end: datetime | None = None
    calls_made: int = 0
    invoice: dict[str, object] = field(default_factory=dict)
    usage_visible_ms: int = 0
    revoked_ms: int = 0
