"""What the catalogue's use cases need from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.catalog.domain.api import Api, ContractOperation
from portal_api.catalog.domain.contract import Contract
from portal_api.catalog.domain.plan import Plan
from shared.events.catalog import Environment, Lifecycle, Operation
from shared.events.envelope import Event
from shared.events.topics import Topic


class Publisher(Protocol):
    """The outbox: published if and when the session's transaction commits."""

    async def publish(self, session: AsyncSession, topic: Topic, key: str, event: Event) -> None:
        """Put `event` on `topic` under `key`."""
        ...


class BillingView(Protocol):
    """What the catalogue asks of billing, which stands above it: `main` wires billing's read models in."""

    async def is_stripe_connected(self, session: AsyncSession, organization_id: str) -> bool:
        """Whether paid plans can be sold."""
        ...

    async def live_subscription_count(self, session: AsyncSession, *, api_id: str | None, plan_id: str | None) -> int:
        """Subscriptions, of an API or of a plan, that have not ended (pending ones included)."""
        ...


class AddressGuard(Protocol):
    """The one rule for addresses that users name."""

    async def check(self, url: str, field: str) -> None:
        """Raises DomainError where calls to `url` are refused."""
        ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """A contract document and where it came from, after redirects."""

    text: str
    url: str


class ContractFetcher(Protocol):
    """Gets a contract from a URL, within the address rule."""

    async def fetch(self, url: str) -> Fetched:
        """Raises DomainError where it cannot be had."""
        ...


class ContractReader(Protocol):
    """Validates OpenAPI documents; slow for large ones, so it works beside the event loop."""

    async def read(self, document: str, source_url: str | None) -> Contract:
        """Raises DomainError with every error's line."""
        ...

    async def parse(self, document: str) -> Mapping[str, Any]:
        """A document that was read before, as data."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentRow:
    """One deployment in the history of an environment."""

    id: str
    api_id: str
    environment: Environment
    revision: int
    endpoint_url: str
    deployed_at: datetime
    deployed_by: str
    operations: tuple[Operation, ...] | None = None
    rolled_back_to: int | None = None


@dataclass(frozen=True, slots=True)
class DeploymentRecord:
    """A deployment as history shows it. `operation_count` None: it is older than what history keeps of routes."""

    environment: Environment
    revision: int
    endpoint_url: str
    deployed_at: datetime
    deployed_by: str
    deployed_by_name: str | None
    operation_count: int | None
    rolled_back_to: int | None
    current: bool = False


class CatalogRepository(Protocol):
    """APIs and plans. Lists are oldest first, `after` is an id."""

    async def next_numbers(self, session: AsyncSession, count: int) -> list[int]:
        """Numbers for call records."""
        ...

    async def add_api(
        self, session: AsyncSession, api: Api, document: str, operations: Sequence[ContractOperation]
    ) -> bool:
        """False when identifier and version are taken in the organization."""
        ...

    async def api(self, session: AsyncSession, api_id: str, *, lock: bool = False) -> Api | None:
        """`lock`: until the transaction ends, so that versions are published in order."""
        ...

    async def save_api(self, session: AsyncSession, api: Api) -> None:
        """Keep what changed (enabled plans included)."""
        ...

    async def apis(
        self,
        session: AsyncSession,
        organization_id: str,
        *,
        project_id: str | None = None,
        lifecycles: frozenset[Lifecycle] | None = None,
        limit: int,
        after: str | None,
    ) -> list[Api]:
        """Of an organization, one project, or in one of some states."""
        ...

    async def search_apis(
        self,
        session: AsyncSession,
        organization_id: str,
        *,
        lifecycles: frozenset[Lifecycle],
        text: str,
        tag: str | None,
        limit: int,
        after: str | None,
    ) -> list[Api]:
        """Of an organization, in one of some states, with every word of `text` and with `tag`."""
        ...

    async def tags(self, session: AsyncSession, organization_id: str, lifecycles: frozenset[Lifecycle]) -> list[str]:
        """Of all its APIs in these states, each once, at most 100."""
        ...

    async def apis_by_id(self, session: AsyncSession, api_ids: Sequence[str]) -> list[Api]:
        """In no particular order."""
        ...

    async def lock_apis(self, session: AsyncSession, *, after: str, limit: int) -> list[Api]:
        """Of all organizations, retired ones too, held against writers until the transaction ends."""
        ...

    async def operations(self, session: AsyncSession, api_id: str) -> list[ContractOperation]:
        """In the order of the contract."""
        ...

    async def document(self, session: AsyncSession, api_id: str) -> str | None:
        """The contract as it was imported."""
        ...

    async def is_unpublished(self, session: AsyncSession, api_id: str) -> bool:
        """Whether a state of the API waits to be handed to the bus."""
        ...

    async def add_deployment(self, session: AsyncSession, row: DeploymentRow) -> None:
        """Remember who deployed what where."""
        ...

    async def deployments(self, session: AsyncSession, api_id: str, *, limit: int) -> list[DeploymentRecord]:
        """Of both environments, newest first."""
        ...

    async def deployment(
        self, session: AsyncSession, api_id: str, environment: Environment, revision: int
    ) -> DeploymentRow | None:
        """One of them, with its routes."""
        ...

    async def replace_contract(
        self, session: AsyncSession, api: Api, document: str, operations: Sequence[ContractOperation]
    ) -> None:
        """The contract imported again, with the API's changed fields."""
        ...

    async def add_plan(self, session: AsyncSession, plan: Plan) -> bool:
        """False when the organization has a plan of this name."""
        ...

    async def plan(self, session: AsyncSession, plan_id: str, *, lock: bool = False) -> Plan | None:
        """With all versions; deleted ones too."""
        ...

    async def plans_by_id(self, session: AsyncSession, plan_ids: Sequence[str]) -> list[Plan]:
        """In no particular order."""
        ...

    async def save_plan(self, session: AsyncSession, plan: Plan) -> bool:
        """Keep what changed, new versions included. False when the name is taken."""
        ...

    async def plans(self, session: AsyncSession, organization_id: str, *, limit: int, after: str | None) -> list[Plan]:
        """Without deleted ones."""
        ...

    async def lock_plans(self, session: AsyncSession, *, after: str, limit: int) -> list[Plan]:
        """Of all organizations, deleted ones too, held against writers until the transaction ends."""
        ...

    async def apis_with_plan(self, session: AsyncSession, plan_id: str) -> list[str]:
        """Ids of the APIs for which the plan is enabled."""
        ...
