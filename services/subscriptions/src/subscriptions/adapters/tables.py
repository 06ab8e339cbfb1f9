"""The rows of this service's database. Events are kept as the JSON they travel as."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, LargeBinary
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

_TIME: Any = DateTime(timezone=True)
_BYTES: Any = LargeBinary
_BIG: Any = BigInteger


class Row(SQLModel, registry=registry()):
    """This service's own registry: table names are unique in a database, not in a process."""


class SubscriptionRow(Row, table=True):
    """A subscription. `due_at` (business time) and `due_real_at`: when a timer has something to do with it."""

    __tablename__ = "subscriptions"

    subscription_id: str = Field(primary_key=True)
    number: int = Field(sa_type=_BIG)
    organization_id: str
    application_id: str
    application_number: int = Field(sa_type=_BIG)
    developer_id: str
    api_id: str
    api_number: int = Field(sa_type=_BIG)
    plan_id: str
    plan_version_number: int = Field(sa_type=_BIG)
    paid: bool
    interval: str
    status: str
    status_since: datetime = Field(sa_type=_TIME)
    created_at: datetime = Field(sa_type=_TIME)
    version: int = Field(sa_type=_BIG)
    success_url: str
    cancel_url: str
    current_period_start: datetime | None = Field(default=None, sa_type=_TIME)
    current_period_end: datetime | None = Field(default=None, sa_type=_TIME)
    cancel_at_period_end: bool
    cancel_at: datetime | None = Field(default=None, sa_type=_TIME)
    cancel_wish: bool | None = None
    access_ended_at: datetime | None = Field(default=None, sa_type=_TIME)
    ended_at: datetime | None = Field(default=None, sa_type=_TIME)
    ended_by: str | None = None
    problem: str | None = None
    problem_detail: str | None = None
    checkout: str
    observed: int = Field(sa_type=_BIG)
    stripe_status: str
    closing_since: datetime | None = Field(default=None, sa_type=_TIME)
    grace_over: bool
    grace_until: datetime | None = Field(default=None, sa_type=_TIME)
    due_at: datetime | None = Field(default=None, sa_type=_TIME)
    due_real_at: datetime | None = Field(default=None, sa_type=_TIME)


class ApiRow(Row, table=True):
    """An API as portal-api last said."""

    __tablename__ = "catalog_apis"

    api_id: str = Field(primary_key=True)
    version: int = Field(sa_type=_BIG)
    state: bytes = Field(sa_type=_BYTES)


class PlanRow(Row, table=True):
    """A plan as portal-api last said, all its versions."""

    __tablename__ = "catalog_plans"

    plan_id: str = Field(primary_key=True)
    version: int = Field(sa_type=_BIG)
    state: bytes = Field(sa_type=_BYTES)


class ParkedRow(Row, table=True):
    """A request that waits for its API and plan, until `parked_until` (real time)."""

    __tablename__ = "parked_commands"

    subscription_id: str = Field(primary_key=True)
    api_id: str
    api_version: int = Field(sa_type=_BIG)
    plan_id: str
    plan_version: int = Field(sa_type=_BIG)
    command: bytes = Field(sa_type=_BYTES)
    parked_until: datetime = Field(sa_type=_TIME)


class AccessRow(Row, table=True):
    """The access entry of a pair; `state` None: locked once, never published. Rows stay: versions never restart."""

    __tablename__ = "access_entries"

    application_id: str = Field(primary_key=True)
    api_id: str = Field(primary_key=True)
    state: bytes | None = Field(default=None, sa_type=_BYTES)


class GraceRow(Row, table=True):
    """What a provider grants its subscribers while a payment is overdue."""

    __tablename__ = "payment_graces"

    organization_id: str = Field(primary_key=True)
    grace_days: int = Field(sa_type=_BIG)
    set_at: datetime = Field(sa_type=_TIME)


class ClosingRow(Row, table=True):
    """An end of many subscriptions that is being worked on."""

    __tablename__ = "closings"

    closing_id: int | None = Field(default=None, primary_key=True, sa_type=_BIG)
    api_id: str
    organization_id: str
    upto_number: int = Field(sa_type=_BIG)
