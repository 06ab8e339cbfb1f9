"""The tables as SQLModel classes: what the migrations make, in one readable place; a test compares the two.

Reading one row or a few goes through them. The hot path adds thousands of windows a statement and is SQL
(`usage_store.py`). Numbers and microseconds are 64 bit throughout: the records' u32 do not fit into `integer`.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, LargeBinary
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


def _bigint(*, key: bool = False, null: bool = False) -> Any:
    return Field(sa_column=Column(BigInteger, primary_key=key, nullable=null, autoincrement=False))


def _instant(*, null: bool = False) -> Any:
    return Field(sa_column=Column(DateTime(timezone=True), nullable=null))


class Row(SQLModel, registry=registry()):
    """This service's own registry: table names are unique in a database, not in a process."""


class StreamRow(Row, table=True):
    """A run of a gateway worker. Kept for ever: that is what makes deduplication hold for ever."""

    __tablename__ = "streams"
    stream_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    partition: int = Field(sa_type=BigInteger)
    next_sequence: int = _bigint()
    claimed_until_us: int = _bigint()
    held_until_us: int | None = _bigint(null=True)
    closed: bool
    first_heard_at: datetime = _instant()
    last_heard_at: datetime = _instant()


class StreamGapRow(Row, table=True):
    """Sequences below a stream's `next_sequence` that were not seen."""

    __tablename__ = "stream_gaps"
    stream_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    first_sequence: int = _bigint(key=True)
    end_sequence: int = _bigint()
    opened_at_us: int = _bigint()


class SubscriptionRow(Row, table=True):
    """What metering keeps of a subscription's newest state."""

    __tablename__ = "subscriptions"
    number: int = _bigint(key=True)
    subscription_id: str
    version: int = _bigint()
    end_us: int | None = _bigint(null=True)


class SubscriptionPeriodRow(Row, table=True):
    """Every billing period that a subscription had, so that a late call goes to its own."""

    __tablename__ = "subscription_periods"
    number: int = _bigint(key=True)
    start_us: int = _bigint(key=True)
    end_us: int | None = _bigint(null=True)


class UsageWindowRow(Row, table=True):
    """A window's total. Dirty, and so queued for publication, while `revision` is above `published_revision`."""

    __tablename__ = "usage_windows"
    subscription_number: int = _bigint(key=True)
    plan_version_number: int = _bigint(key=True)
    period_start_us: int = _bigint(key=True)
    api_number: int = _bigint(key=True)
    operation_number: int = _bigint(key=True)
    window_start_us: int = _bigint(key=True)
    sandbox: bool = Field(primary_key=True)
    billable: bool = Field(primary_key=True)
    status_class: int = _bigint(key=True)
    calls: int = _bigint()
    units: int = _bigint()
    revision: int = _bigint()
    published_revision: int = _bigint()
    changed_at: datetime = _instant()
    published_at: datetime | None = _instant(null=True)


class WaitingCallRow(Row, table=True):
    """A call whose subscription or period is not known yet, as its 96 bytes."""

    __tablename__ = "waiting_calls"
    stream_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    sequence: int = _bigint(key=True)
    subscription_number: int = _bigint()
    admitted_us: int = _bigint()
    record: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    received_at: datetime = _instant()


class PublisherStateRow(Row, table=True):
    """One row: which Kafka cluster has our windows, and until when we have said they are complete."""

    __tablename__ = "publisher_state"
    id: int = Field(primary_key=True, sa_type=BigInteger)
    cluster_id: str
    complete_until_us: int = _bigint()
