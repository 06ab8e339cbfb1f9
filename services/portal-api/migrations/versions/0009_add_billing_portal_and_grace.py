"""Billing portal sessions, and what providers grant while a payment is overdue."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    op.execute(
        """create table billing_portal_sessions (
            id text primary key, subscription_id text not null, developer_id text not null, status text not null,
            url text, problem text, problem_detail text, created_at timestamptz not null
        )"""
    )
    op.execute("create table payment_graces (organization_id text primary key, grace_days bigint not null)")
    op.execute("alter table subscriptions add column grace_until timestamptz")


def downgrade() -> None:
    """Drop them."""
    op.execute("alter table subscriptions drop column grace_until")
    op.execute("drop table payment_graces")
    op.execute("drop table billing_portal_sessions")
