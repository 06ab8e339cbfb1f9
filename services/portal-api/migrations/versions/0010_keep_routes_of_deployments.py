"""A deployment's routes, so that it can be rolled back to; usage by API and time, for the Console's charts."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was deployed before keeps no routes: it cannot be rolled back to."""
    op.execute("alter table deployments add column operations jsonb, add column rolled_back_to bigint")
    op.execute("create index usage_windows_api on usage_windows (api_number, window_start)")
    op.execute("create index subscriptions_organization on subscriptions (organization_id, id)")


def downgrade() -> None:
    """Remove them."""
    op.execute("drop index subscriptions_organization")
    op.execute("drop index usage_windows_api")
    op.execute("alter table deployments drop column rolled_back_to, drop column operations")
