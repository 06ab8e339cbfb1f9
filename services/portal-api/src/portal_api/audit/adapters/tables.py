"""Rows of the audit log (its triggers: migration 0007)."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from portal_api.storage.rows import Row


class AuditEntryRow(Row, table=True):
    """Written by triggers, never changed."""

    __tablename__ = "audit_entries"

    number: int = Field(sa_column=Column(BigInteger, primary_key=True))
    at: datetime = Field(sa_type=DateTime(timezone=True))
    organization_id: str | None
    actor_id: str | None
    actor_name: str | None
    actor_email: str | None
    actor_kind: str
    credential_id: str | None
    address: str
    user_agent: str
    trace_id: str | None
    operation: str
    action: str
    target_type: str
    target_id: str
    target_name: str | None
    before: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    after: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
