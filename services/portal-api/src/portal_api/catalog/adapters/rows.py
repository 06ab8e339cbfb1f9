"""Row <-> domain. Deployments and plan versions rest as the JSON that the bus carries: one form, one decoder."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import msgspec

from portal_api.catalog.adapters.tables import ApiRow, PlanRow, PlanVersionRow
from portal_api.catalog.domain.api import Api
from portal_api.catalog.domain.plan import Plan
from shared.events.catalog import Deployment, PlanVersion


def _builtins(value: msgspec.Struct) -> dict[str, Any]:
    # Through JSON: decimals and times become exact text.
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    return decoded


def api_values(api: Api) -> dict[str, Any]:
    """The columns of an API."""
    values = {field.name: getattr(api, field.name) for field in fields(api)}
    for environment in ("production", "development"):
        if values[environment] is not None:
            values[environment] = _builtins(values[environment])
    return values | {"plan_ids": list(api.plan_ids), "tags": list(api.tags)}


def to_api(row: ApiRow) -> Api:
    """The API in a row."""
    values = row.model_dump()
    for environment in ("production", "development"):
        if values[environment] is not None:
            values[environment] = msgspec.convert(values[environment], Deployment, strict=False)
    return Api(**values | {"plan_ids": tuple(row.plan_ids), "tags": tuple(row.tags)})


def version_values(plan_id: str, version: PlanVersion) -> dict[str, Any]:
    """The columns of a plan version."""
    return {
        "number": version.number,
        "plan_id": plan_id,
        "ordinal": version.ordinal,
        "terms": _builtins(version),
        "created_at": version.created_at,
    }


def to_plan(row: PlanRow, versions: Sequence[PlanVersionRow]) -> Plan:
    """The plan in its rows, versions oldest first."""
    return Plan(
        **row.model_dump(),
        versions=tuple(msgspec.convert(version.terms, PlanVersion, strict=False) for version in versions),
    )
