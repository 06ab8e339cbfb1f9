"""Streams, subscriptions with their periods, usage windows, waiting calls, and the publisher's state."""

from alembic import op

from shared.db import messaging_tables

revision = "0001"
down_revision = None

_STATEMENTS = (
    """create table streams (
        stream_id bytea primary key, partition integer not null, next_sequence bigint not null default 1,
        claimed_until_us bigint not null default 0, held_until_us bigint, closed boolean not null default false,
        first_heard_at timestamptz not null default clock_timestamp(),
        last_heard_at timestamptz not null default clock_timestamp()
    )""",
    # Open streams are few, streams that ever were are many.
    "create index streams_open on streams (stream_id) where not closed",
    """create table stream_gaps (
        stream_id bytea not null references streams, first_sequence bigint not null, end_sequence bigint not null,
        opened_at_us bigint not null,
        primary key (stream_id, first_sequence)
    )""",
    """create table subscriptions (
        number bigint primary key, subscription_id text not null unique, version bigint not null, end_us bigint
    )""",
    """create table subscription_periods (
        number bigint not null references subscriptions, start_us bigint not null, end_us bigint,
        primary key (number, start_us)
    )""",
    """create table usage_windows (
        subscription_number bigint not null, plan_version_number bigint not null, period_start_us bigint not null,
        api_number bigint not null, operation_number bigint not null, window_start_us bigint not null,
        sandbox boolean not null, billable boolean not null, status_class bigint not null,
        calls bigint not null, units bigint not null,
        revision bigint not null default 1, published_revision bigint not null default 0,
        changed_at timestamptz not null default clock_timestamp(), published_at timestamptz,
        primary key (subscription_number, plan_version_number, period_start_us, api_number, operation_number,
                     window_start_us, sandbox, billable, status_class)
    )""",
    "create index usage_windows_dirty on usage_windows (changed_at) where revision > published_revision",
    """create table waiting_calls (
        stream_id bytea not null, sequence bigint not null, subscription_number bigint not null,
        admitted_us bigint not null, record bytea not null,
        received_at timestamptz not null default clock_timestamp(),
        primary key (stream_id, sequence)
    )""",
    "create index waiting_calls_subscription on waiting_calls (subscription_number)",
    """create table publisher_state (
        id integer primary key check (id = 1), cluster_id text not null default '',
        complete_until_us bigint not null default 0
    )""",
    "insert into publisher_state(id) values (1)",
    """create view usage_totals as
        select s.subscription_id, w.subscription_number, w.period_start_us, w.sandbox, w.billable,
               sum(w.calls)::bigint as calls, sum(w.units)::bigint as units
        from usage_windows w join subscriptions s on s.number = w.subscription_number
        group by s.subscription_id, w.subscription_number, w.period_start_us, w.sandbox, w.billable""",
)


def upgrade() -> None:
    """Create."""
    messaging_tables.create(op)
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Undo."""
    op.execute("drop view usage_totals")
    for table in (
        "publisher_state",
        "waiting_calls",
        "usage_windows",
        "subscription_periods",
        "subscriptions",
        "stream_gaps",
        "streams",
    ):
        op.execute(f"drop table {table}")
    messaging_tables.drop(op)
