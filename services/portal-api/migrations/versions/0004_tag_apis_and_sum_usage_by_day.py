"""Tags of APIs, for the catalogue; usage per day, for the chart: minutes of a month are too many to add up per view."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; what was counted before is summed."""
    op.execute("alter table apis add column tags text[] not null default '{}'")
    op.execute(
        """create table usage_days (
            subscription_id text not null, period_start timestamptz not null, plan_version_number bigint not null,
            day date not null, environment text not null, billable boolean not null,
            calls bigint not null, units bigint not null,
            primary key (subscription_id, period_start, plan_version_number, day, environment, billable)
        )"""
    )
    op.execute(
        """insert into usage_days
        select subscription_id, period_start, plan_version_number, (window_start at time zone 'utc')::date,
               environment, billable, sum(calls), sum(units)
        from usage_windows group by 1, 2, 3, 4, 5, 6"""
    )
    op.execute("alter table usage_totals add column last_call_at timestamptz")
    op.execute(
        """update usage_totals t set last_call_at = w.last_call_at from (
            select subscription_id, period_start, plan_version_number, environment, billable,
                   max(window_start) as last_call_at
            from usage_windows group by 1, 2, 3, 4, 5
        ) w
        where (t.subscription_id, t.period_start, t.plan_version_number, t.environment, t.billable)
            = (w.subscription_id, w.period_start, w.plan_version_number, w.environment, w.billable)"""
    )


def downgrade() -> None:
    """Remove them."""
    op.execute("alter table usage_totals drop column last_call_at")
    op.execute("drop table usage_days")
    op.execute("alter table apis drop column tags")
