"""What the use cases need from outside: one store per transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.events.catalog import ApiState, PlanState
from shared.events.subscriptions import AccessEntryState, SubscriptionRequested
from subscriptions.domain.policy import Policy
from subscriptions.domain.requesting import Seen
from subscriptions.domain.subscription import Subscription


class Subscriptions(Protocol):
    """The subscriptions. What `get`, `due` and `ending` return is locked until the transaction ends."""

    async def get(self, subscription_id: str) -> Subscription | None:
        """One of them."""
        ...

    async def of_pair(self, application_id: str, api_id: str) -> Sequence[Subscription]:
        """All that an application ever had to an API."""
        ...

    async def add(self, subscription: Subscription) -> Subscription:
        """Store a new one and give it its number, never used before."""
        ...

    async def save(self, subscription: Subscription) -> None:
        """Store a changed one."""
        ...

    async def due(self, business: datetime, real: datetime, limit: int) -> Sequence[Subscription]:
        """Those on which time has something to do, except what another replica works on."""
        ...

    async def of_closing(self, closing: "Closing", limit: int) -> Sequence[Subscription]:
        """Those that a closing still has to end, except what another replica works on."""
        ...


class Catalog(Protocol):
    """APIs and plans as portal-api last said."""

    async def seen(self, api_id: str, plan_id: str) -> Seen:
        """Both, as far as they were read."""
        ...

    async def plan(self, plan_id: str) -> PlanState | None:
        """One plan."""
        ...

    async def put_api(self, api: ApiState) -> bool:
        """Keep it if it is newer than what is there."""
        ...

    async def put_plan(self, plan: PlanState) -> bool:
        """Keep it if it is newer than what is there."""
        ...


class Parked(Protocol):
    """Requests that wait for the catalogue."""

    async def park(self, command: SubscriptionRequested, until: datetime) -> None:
        """Keep it; a second time changes nothing."""
        ...

    async def take(self, subscription_id: str) -> SubscriptionRequested | None:
        """Remove one and return it."""
        ...

    async def ready(self, limit: int, *, api_id: str = "", plan_id: str = "") -> Sequence[SubscriptionRequested]:
        """Those whose API and plan were read in the named versions, except what another replica works on."""
        ...

    async def overdue(self, real: datetime, limit: int) -> Sequence[SubscriptionRequested]:
        """Those that waited too long, except what another replica works on."""
        ...


class AccessEntries(Protocol):
    """Access entries, one for each (application, API)."""

    async def lock(self, application_id: str, api_id: str) -> AccessEntryState | None:
        """Nobody else decides about this pair until the transaction ends. None: never published."""
        ...

    async def save(self, entry: AccessEntryState) -> None:
        """Store it; its row stays for ever, so that versions never restart."""
        ...


@dataclass(frozen=True, slots=True)
class Closing:
    """An API was retired, or an organization's Stripe account disconnected: many subscriptions end, some at a time.

    `upto_number`: only those that existed then; who subscribes after connecting again is not meant.
    """

    closing_id: int
    api_id: str
    organization_id: str
    upto_number: int


@dataclass(frozen=True, slots=True)
class Work:
    """What a tick has to do: subscriptions are `due`, so many requests are `parked`, a `closing` of many goes on."""

    due: bool
    parked: int
    closing: bool


class Agenda(Protocol):
    """A first look at everything that time brings."""

    async def look(self, business: datetime, real: datetime) -> Work:
        """What there is, whoever works on it."""
        ...


class Closings(Protocol):
    """Work that ends many subscriptions."""

    async def add(self, *, api_id: str = "", organization_id: str = "") -> None:
        """End all subscriptions to an API, or all paid ones of an organization."""
        ...

    async def next(self) -> Closing | None:
        """One to work on, except what another replica works on."""
        ...

    async def finish(self, closing: Closing) -> None:
        """Nothing is left of it."""
        ...


class Graces(Protocol):
    """What each provider grants while a payment is overdue."""

    async def put(self, organization_id: str, grace_days: int, set_at: datetime) -> None:
        """The newest stays."""
        ...

    async def of(self, organization_id: str) -> timedelta | None:
        """None: nothing was set."""
        ...


class Publisher(Protocol):
    """The outbox, in this transaction."""

    async def state(self, subscription: Subscription) -> None:
        """To `subscriptions.state`."""
        ...

    async def access(self, entry: AccessEntryState) -> None:
        """To `subscriptions.access`."""
        ...


class Store(Protocol):
    """All of it, in one transaction."""

    @property
    def subscriptions(self) -> Subscriptions:
        """The subscriptions."""
        ...

    @property
    def catalog(self) -> Catalog:
        """APIs and plans."""
        ...

    @property
    def parked(self) -> Parked:
        """Waiting requests."""
        ...

    @property
    def access(self) -> AccessEntries:
        """Access entries."""
        ...

    @property
    def agenda(self) -> Agenda:
        """What a tick has to do."""
        ...

    @property
    def closings(self) -> Closings:
        """Ends of many."""
        ...

    @property
    def graces(self) -> Graces:
        """What providers grant."""
        ...

    @property
    def publisher(self) -> Publisher:
        """The outbox."""
        ...

    @property
    def policy(self) -> Policy:
        """The bounds of waiting."""
        ...
