"""The tables that messaging keeps in every service's database; a service's first migration makes them."""

from typing import Protocol


class Operations(Protocol):
    """What is needed of Alembic's `op`."""

    def execute(self, sqltext: str) -> object:
        """Run one statement."""
        ...


STATEMENTS = (
    """create table outbox (
        id bigint generated always as identity primary key,
        topic text not null, partition integer, key bytea, payload bytea, headers jsonb not null,
        created_at timestamptz not null default clock_timestamp()
    ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)""",
    """create table leases (
        name text primary key, holder text not null, expires_at timestamptz not null
    )""",
    """create table kafka_offsets (
        consumer_group text not null, topic text not null, partition integer not null,
        next_offset bigint not null, cluster_id text not null,
        primary key (consumer_group, topic, partition)
    )""",
    """create table inbox (
        consumer_group text not null, event_id text not null,
        received_at timestamptz not null default clock_timestamp(),
        primary key (consumer_group, event_id)
    )""",
    "create index inbox_received_at on inbox (received_at)",
)


def create(op: Operations) -> None:
    """Create outbox, leases, kafka_offsets and inbox."""
    for statement in STATEMENTS:
        op.execute(statement)


def drop(op: Operations) -> None:
    """Undo `create`."""
    for table in ("inbox", "kafka_offsets", "leases", "outbox"):
        op.execute(f"drop table {table}")
