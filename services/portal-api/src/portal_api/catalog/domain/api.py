"""An API version, what is deployed of it, and the state that the bus carries."""

import re
from dataclasses import dataclass
from datetime import datetime

from shared.events.catalog import ApiState, Deployment, Environment, Lifecycle

_VERSION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,28}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractOperation:
    """One operation of an imported contract, with the number that call records carry."""

    number: int
    method: str
    path_template: str
    operation_id: str
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """One version of an API: what is published and sold. `state_version` grows with every change."""

    id: str
    number: int
    organization_id: str
    organization_identifier: str
    project_id: str
    identifier: str
    version_label: str
    display_name: str
    description: str
    lifecycle: Lifecycle
    state_version: int
    openapi_version: str
    contract_url: str | None
    contract_endpoint_url: str | None
    development_endpoint_url: str | None
    production: Deployment | None
    development: Deployment | None
    plan_ids: tuple[str, ...]
    created_at: datetime
    sunset_at: datetime | None = None
    tags: tuple[str, ...] = ()

    def deployed(self, environment: Environment) -> Deployment | None:
        """What runs there."""
        return self.production if environment == "production" else self.development


def version_label_fault(label: str) -> str | None:
    """Why it cannot be a part of the API's address; None when it can."""
    if _VERSION.fullmatch(label):
        return None
    return "A version has 1 to 30 letters, digits, dots, hyphens and underscores, for example `v1` or `1.0.0`."


def gateway_url_of(gateway_url: str, api: Api, environment: Environment) -> str:
    """Where the gateway serves the API (contracts.md: Development stands under the reserved organization `dev`)."""
    middle = "dev/" if environment == "development" else ""
    return f"{gateway_url}/{middle}{api.organization_identifier}/{api.identifier}/{api.version_label}"


def to_state(api: Api) -> ApiState:
    """What `catalog.apis` says of it."""
    return ApiState(
        version=api.state_version,
        api_id=api.id,
        number=api.number,
        organization_id=api.organization_id,
        organization_identifier=api.organization_identifier,
        identifier=api.identifier,
        version_label=api.version_label,
        display_name=api.display_name,
        lifecycle=api.lifecycle,
        production=api.production,
        development=api.development,
        plan_ids=api.plan_ids,
        sunset_at=api.sunset_at,
    )
