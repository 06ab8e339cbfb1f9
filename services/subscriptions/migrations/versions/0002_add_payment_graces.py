"""What providers grant while a payment is overdue, and until when each subscription has it."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    op.execute("alter table subscriptions add column grace_until timestamptz")
    op.execute(
        """create table payment_graces (
            organization_id text primary key, grace_days bigint not null, set_at timestamptz not null
        )"""
    )


def downgrade() -> None:
    """Drop them."""
    op.execute("drop table payment_graces")
    op.execute("alter table subscriptions drop column grace_until")
