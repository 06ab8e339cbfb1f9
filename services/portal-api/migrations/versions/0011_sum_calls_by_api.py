"""Calls of each API by minute and by hour beside the windows, and what the Console's lists look up."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TABLE = """create table {} (
    api_number bigint not null, environment text not null, at timestamptz not null,
    status_class smallint not null, calls bigint not null,
    primary key (api_number, environment, at, status_class)
)"""
_SUM = """
select api_number, environment, date_trunc('{}', window_start, 'UTC'), status_class, sum(calls)
from usage_windows group by 1, 2, 3, 4"""


def upgrade() -> None:
    """Add them; what was counted before is summed."""
    for grain in ("minute", "hour"):
        op.execute(_TABLE.format(f"api_{grain}s"))
        op.execute(f"insert into api_{grain}s {_SUM.format(grain)}")
    op.execute("drop index usage_windows_api")
    op.execute("create index subscriptions_paid on subscriptions (organization_id) where paid")
    op.execute("create index subscriptions_api on subscriptions (api_id, status, plan_id)")
    op.execute("create index subscriptions_plan on subscriptions (plan_id, status)")


def downgrade() -> None:
    """Remove them."""
    for index in ("plan", "api", "paid"):
        op.execute(f"drop index subscriptions_{index}")
    op.execute("create index usage_windows_api on usage_windows (api_number, window_start)")
    for grain in ("hour", "minute"):
        op.execute(f"drop table api_{grain}s")
