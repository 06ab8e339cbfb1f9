"""Rows of billing-sync's database. Fields are those of domain/records.py, so a row and its record map by name."""

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import BigInteger, DateTime, LargeBinary
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

INSTANT: Any = DateTime(timezone=True)
# As the columns are. SQLModel would bind every int as one of 32 bits: plan numbers and units are larger.
BIG: Any = BigInteger

R = TypeVar("R")


class Row(SQLModel, registry=registry()):
    """This service's own registry: table names are unique in a database, not in a process."""


class ConnectionRow(Row, table=True):
    """A Connection at rest."""

    __tablename__ = "stripe_connections"

    connection_id: str = Field(primary_key=True)
    organization_id: str
    sealed_secret_key: str
    publishable_key: str
    status: str


class PortalRequestRow(Row, table=True):
    """A PortalRequest at rest."""

    __tablename__ = "portal_requests"

    request_id: str = Field(primary_key=True)
    organization_id: str
    subscription_id: str
    return_url: str
    status: str


class AccountRow(Row, table=True):
    """A Account at rest."""

    __tablename__ = "stripe_accounts"

    organization_id: str = Field(primary_key=True)
    connection_id: str
    account_id: str
    livemode: bool
    publishable_key: str
    secret_key: bytes = Field(sa_type=LargeBinary)
    status: str
    webhook_endpoint_id: str | None = None
    webhook_secret: bytes | None = Field(default=None, sa_type=LargeBinary)


class ApiRow(Row, table=True):
    """A Api at rest."""

    __tablename__ = "apis"

    api_id: str = Field(primary_key=True)
    version: int = Field(sa_type=BIG)
    number: int = Field(sa_type=BIG)
    organization_id: str
    display_name: str
    version_label: str


class DeveloperRow(Row, table=True):
    """A Developer at rest."""

    __tablename__ = "developers"

    developer_id: str = Field(primary_key=True)
    version: int = Field(sa_type=BIG)
    email: str
    name: str


class SubscriptionRow(Row, table=True):
    """A Subscription at rest."""

    __tablename__ = "subscriptions"

    subscription_id: str = Field(primary_key=True)
    version: int = Field(sa_type=BIG)
    organization_id: str
    developer_id: str
    api_id: str
    plan_id: str
    plan_version_number: int = Field(sa_type=BIG)
    status: str
    success_url: str
    cancel_url: str
    cancel_at_period_end: bool
    cancel_at: datetime | None = Field(default=None, sa_type=INSTANT)
    access_ended_at: datetime | None = Field(default=None, sa_type=INSTANT)
    account_id: str | None = None
    customer_id: str | None = None
    slot: int | None = Field(default=None, sa_type=BIG)
    meter_id: str | None = None
    event_name: str | None = None
    usage_price_id: str | None = None
    session_id: str | None = None
    session_status: str | None = None
    payment_status: str | None = None
    checkout_refused: bool = False
    stripe_subscription_id: str | None = None
    stripe_status: str | None = None
    stripe_cancel_at_period_end: bool = False
    stripe_cancel_at: datetime | None = Field(default=None, sa_type=INSTANT)
    stripe_canceled_at: datetime | None = Field(default=None, sa_type=INSTANT)
    stripe_ended_at: datetime | None = Field(default=None, sa_type=INSTANT)
    stripe_period_start: datetime | None = Field(default=None, sa_type=INSTANT)
    stripe_period_end: datetime | None = Field(default=None, sa_type=INSTANT)
    observed: int = Field(default=0, sa_type=BIG)
    refreshed_at: datetime | None = Field(default=None, sa_type=INSTANT)
    slot_freed: bool = False


class PeriodRow(Row, table=True):
    """A Period at rest."""

    __tablename__ = "billing_periods"

    subscription_id: str = Field(primary_key=True)
    period_start: datetime = Field(primary_key=True, sa_type=INSTANT)
    period_end: datetime = Field(sa_type=INSTANT)
    closed: bool = False


class PushRow(Row, table=True):
    """A Push at rest."""

    __tablename__ = "ledger"

    subscription_id: str
    period_start: datetime = Field(sa_type=INSTANT)
    push_number: int = Field(sa_type=BIG)
    identifier: str = Field(primary_key=True)
    organization_id: str
    customer_id: str
    meter_id: str
    event_name: str
    units: int = Field(sa_type=BIG)
    stamped_at: datetime = Field(sa_type=INSTANT)
    status: str
    attempts: int = Field(default=0, sa_type=BIG)
    first_tried_at: datetime | None = Field(default=None, sa_type=INSTANT)
    first_tried_real_at: datetime | None = Field(default=None, sa_type=INSTANT)
    reason: str | None = None


class RenewalRow(Row, table=True):
    """A Renewal at rest."""

    __tablename__ = "renewals"

    invoice_id: str = Field(primary_key=True)
    organization_id: str
    subscription_id: str
    period_start: datetime = Field(sa_type=INSTANT)
    period_end: datetime = Field(sa_type=INSTANT)
    step: str
    held: bool
    started_at: datetime = Field(sa_type=INSTANT)
    step_started_at: datetime = Field(sa_type=INSTANT)


class ClosingRow(Row, table=True):
    """A Closing at rest."""

    __tablename__ = "closings"

    subscription_id: str = Field(primary_key=True)
    ended_at: datetime = Field(sa_type=INSTANT)
    step: str
    started_at: datetime = Field(sa_type=INSTANT)
    step_started_at: datetime = Field(sa_type=INSTANT)
    attempts: int = Field(default=0, sa_type=BIG)
    final_invoice_id: str | None = None
    verified: bool = False
    expected_minor: int | None = Field(default=None, sa_type=BIG)


class StripeEventRow(Row, table=True):
    """A StripeEvent at rest."""

    __tablename__ = "stripe_events"

    organization_id: str = Field(primary_key=True)
    event_id: str = Field(primary_key=True)
    kind: str
    object_id: str
    payload: str
    received_at: datetime = Field(sa_type=INSTANT)


class MirroredInvoiceRow(Row, table=True):
    """A MirroredInvoice at rest."""

    __tablename__ = "invoices"

    invoice_id: str = Field(primary_key=True)
    organization_id: str
    subscription_id: str | None
    observed: int = Field(sa_type=BIG)
    status: str
    billing_reason: str | None
    digest: str
    paid_at: datetime | None = Field(sa_type=INSTANT)


def to_record(kind: type[R], row: SQLModel) -> R:
    """A row as the domain's value."""
    return kind(**{field.name: getattr(row, field.name) for field in fields(kind)})  # type: ignore[arg-type]


def columns(record: Any) -> dict[str, Any]:
    """The domain's value as a row's columns."""
    return asdict(record)
