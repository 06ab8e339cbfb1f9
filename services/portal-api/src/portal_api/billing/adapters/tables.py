"""Rows of the read models; field names are those of the domain and of the events."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from portal_api.storage.rows import Row

AWARE = DateTime(timezone=True)


class SubscriptionRow(Row, table=True):
    """See domain.subscription.Subscription."""

    __tablename__ = "subscriptions"

    id: str = Field(primary_key=True)
    version: int = Field(sa_type=BigInteger)
    organization_id: str
    application_id: str
    developer_id: str
    api_id: str
    plan_id: str
    plan_version_number: int = Field(sa_type=BigInteger)
    status: str
    paid: bool
    created_at: datetime = Field(sa_type=AWARE)
    current_period_start: datetime | None = Field(default=None, sa_type=AWARE)
    current_period_end: datetime | None = Field(default=None, sa_type=AWARE)
    cancel_at_period_end: bool = False
    cancel_at: datetime | None = Field(default=None, sa_type=AWARE)
    ended_at: datetime | None = Field(default=None, sa_type=AWARE)
    ended_by: str | None = None
    problem: str | None = None
    problem_detail: str | None = None
    grace_until: datetime | None = Field(default=None, sa_type=AWARE)


class PortalSessionRow(Row, table=True):
    """See domain.portal_session.PortalSession."""

    __tablename__ = "billing_portal_sessions"

    id: str = Field(primary_key=True)
    subscription_id: str
    developer_id: str
    status: str
    created_at: datetime = Field(sa_type=AWARE)
    url: str | None = None
    problem: str | None = None
    problem_detail: str | None = None


class PaymentGraceRow(Row, table=True):
    """What an organization grants its subscribers while a payment is overdue."""

    __tablename__ = "payment_graces"

    organization_id: str = Field(primary_key=True)
    grace_days: int = Field(sa_type=BigInteger)


class CheckoutRow(Row, table=True):
    """See domain.subscription.Checkout."""

    __tablename__ = "checkouts"

    subscription_id: str = Field(primary_key=True)
    status: str
    session_id: str | None = None
    url: str | None = None
    expires_at: datetime | None = Field(default=None, sa_type=AWARE)
    problem: str | None = None
    problem_detail: str | None = None


class InvoiceRow(Row, table=True):
    """See shared.events.billing.InvoiceUpdated; `lines` as JSON."""

    __tablename__ = "invoices"

    id: str = Field(primary_key=True)
    observed: int = Field(sa_type=BigInteger)
    organization_id: str
    developer_id: str
    subscription_id: str | None
    status: str
    currency: str
    total_minor: int = Field(sa_type=BigInteger)
    amount_due_minor: int = Field(sa_type=BigInteger)
    amount_paid_minor: int = Field(sa_type=BigInteger)
    created_at: datetime = Field(sa_type=AWARE)
    period_start: datetime = Field(sa_type=AWARE)
    period_end: datetime = Field(sa_type=AWARE)
    lines: list[dict[str, Any]] = Field(sa_type=JSONB)
    number: str | None = None
    billing_reason: str | None = None
    hosted_invoice_url: str | None = None
    invoice_pdf: str | None = None
    paid_at: datetime | None = Field(default=None, sa_type=AWARE)


class StripeConnectionRow(Row, table=True):
    """See domain.stripe_keys.StripeConnection."""

    __tablename__ = "stripe_connections"

    organization_id: str = Field(primary_key=True)
    connected: bool
    pending_connection_id: str | None = None
    connection_id: str | None = None
    account_id: str | None = None
    livemode: bool | None = None
    charges_enabled: bool | None = None
    publishable_key: str | None = None
    checks: list[dict[str, Any]] = Field(sa_type=JSONB)
    problem: str | None = None
    problem_detail: str | None = None
