"""Wishes for Stripe's billing portal."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.execute(
        """create table portal_requests (
            request_id text not null,
            organization_id text not null,
            subscription_id text not null,
            return_url text not null,
            status text not null,
            primary key (request_id)
        )"""
    )


def downgrade() -> None:
    """Drop it."""
    op.execute("drop table portal_requests")
