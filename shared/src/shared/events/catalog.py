"""What portal-api says about APIs and plans (`catalog.apis`, `catalog.plans`)."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

from shared.events.envelope import State

Lifecycle = Literal["created", "pre_released", "published", "blocked", "deprecated", "retired"]
Environment = Literal["production", "development"]
PricingModel = Literal["free", "flat", "unit", "volume", "graduated", "package"]
Interval = Literal["day", "week", "month", "year"]
BillableRule = Literal["successful", "admitted"]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation of a deployed contract. `number` stands in call records; `units` is what one call counts for."""

    number: int
    method: str
    path_template: str
    operation_id: str = ""
    units: int = 1


class UpstreamTarget(msgspec.Struct, frozen=True, kw_only=True):
    """One of several addresses of an upstream; it gets its weight's share of the calls."""

    url: str
    weight: int = 1


class UpstreamSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How calls reach the upstream. Without `targets` they all go to the deployment's `upstream_url`. 0: no such limit.

    `eject_after_failures`: failures in a row after which a target gets no call for `eject_seconds`.
    `retries`: a call that had no effect is tried at that many other targets, within the budget.
    """

    targets: tuple[UpstreamTarget, ...] = ()
    connect_timeout_ms: int = 5_000
    first_byte_timeout_ms: int = 0
    total_timeout_ms: int = 0
    max_connections: int = 0
    eject_after_failures: int = 0
    eject_seconds: int = 10
    retries: int = 0
    retry_budget_percent: int = 20
    health_path: str = ""
    health_interval_seconds: int = 10
    tls_ca_pem: str = ""
    tls_server_name: str = ""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that the gateway applies to calls. `operations`: numbers; empty: all of the API."""

    kind: str
    config: dict[str, Any]
    operations: tuple[int, ...] = ()


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway serves in one environment: a revision's route table and where it goes."""

    revision: int
    upstream_url: str
    operations: tuple[Operation, ...]
    deployed_at: datetime
    timeout_ms: int = 30_000
    upstream: UpstreamSettings = UpstreamSettings()
    policies: tuple[Policy, ...] = ()


class ApiState(State, frozen=True, kw_only=True, tag="catalog.api.v1"):
    """One API version: its own id, routes, lifecycle and enabled plans. Key: api_id."""

    api_id: str
    number: int
    organization_id: str
    organization_identifier: str
    identifier: str
    version_label: str
    display_name: str
    lifecycle: Lifecycle
    production: Deployment | None = None
    development: Deployment | None = None
    plan_ids: tuple[str, ...] = ()
    sunset_at: datetime | None = None


class RateLimit(msgspec.Struct, frozen=True, kw_only=True):
    """At most `count` calls in `per_seconds`, with at most `burst` at once (0: burst = count)."""

    count: int
    per_seconds: int
    burst: int = 0


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """One tier of a graduated or volume price. `up_to` None = no bound. Amounts in minor units."""

    up_to: int | None
    unit_amount_decimal: Decimal = Decimal(0)
    flat_amount_decimal: Decimal = Decimal(0)


class PlanVersion(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable version of a plan. `number` is unique over all plans (it stands in call records)."""

    number: int
    ordinal: int
    pricing_model: PricingModel
    created_at: datetime
    currency: str = "usd"
    interval: Interval = "month"
    unit_amount_decimal: Decimal | None = None
    flat_amount_decimal: Decimal | None = None
    tiers: tuple[Tier, ...] = ()
    package_size: int | None = None
    included_units: int = 0
    rate_limits: tuple[RateLimit, ...] = ()
    quota_units: int | None = None
    billable_rule: BillableRule = "successful"
    usage_headers: bool = False  # answers tell the caller what was used and what it costs so far


class PlanState(State, frozen=True, kw_only=True, tag="catalog.plan.v1"):
    """A plan with all its versions, oldest first. Key: plan_id."""

    plan_id: str
    organization_id: str
    name: str
    status: Literal["active", "inactive", "deleted"]
    versions: tuple[PlanVersion, ...]
    description: str = ""
