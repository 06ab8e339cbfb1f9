"""Rows of the catalogue (created by migration 0001)."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from portal_api.storage.rows import Row


class ApiRow(Row, table=True):
    """An API version. `production` and `development` hold the deployment as the bus carries it."""

    __tablename__ = "apis"

    id: str = Field(primary_key=True)
    number: int = Field(sa_type=BigInteger)
    organization_id: str
    organization_identifier: str
    project_id: str
    identifier: str
    version_label: str
    display_name: str
    description: str
    lifecycle: str
    state_version: int = Field(sa_type=BigInteger)
    openapi_version: str
    contract_url: str | None
    contract_endpoint_url: str | None
    development_endpoint_url: str | None
    production: dict[str, Any] | None = Field(sa_column=Column(JSONB(none_as_null=True)))
    development: dict[str, Any] | None = Field(sa_column=Column(JSONB(none_as_null=True)))
    plan_ids: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    sunset_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    tags: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))


class ContractRow(Row, table=True):
    """A contract as it was imported."""

    __tablename__ = "contracts"

    api_id: str = Field(primary_key=True)
    document: str


class OperationRow(Row, table=True):
    """An operation of a contract."""

    __tablename__ = "operations"

    number: int = Field(primary_key=True, sa_type=BigInteger)
    api_id: str
    position: int = Field(sa_type=BigInteger)
    method: str
    path_template: str
    operation_id: str
    summary: str


class DeploymentHistoryRow(Row, table=True):
    """Who deployed what where."""

    __tablename__ = "deployments"

    id: str = Field(primary_key=True)
    api_id: str
    environment: str
    revision: int = Field(sa_type=BigInteger)
    endpoint_url: str
    deployed_at: datetime = Field(sa_type=DateTime(timezone=True))
    deployed_by: str
    operations: list[dict[str, Any]] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    rolled_back_to: int | None = Field(default=None, sa_type=BigInteger)


class PlanRow(Row, table=True):
    """A plan; its versions are rows of their own."""

    __tablename__ = "plans"

    id: str = Field(primary_key=True)
    organization_id: str
    name: str
    description: str
    status: str
    state_version: int = Field(sa_type=BigInteger)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


class PlanVersionRow(Row, table=True):
    """An immutable version of a plan; `terms` as the bus carries it."""

    __tablename__ = "plan_versions"

    number: int = Field(primary_key=True, sa_type=BigInteger)
    plan_id: str
    ordinal: int = Field(sa_type=BigInteger)
    terms: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
