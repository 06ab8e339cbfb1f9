"""The end that a subscription has scheduled, by us or on Stripe's own portal."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute("alter table subscriptions add column cancel_at timestamptz")


def downgrade() -> None:
    """Drop it."""
    op.execute("alter table subscriptions drop column cancel_at")
