"""When each organization's Stripe account was last heard of, and of what: the Console's Stripe page says so."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; what is known of invoices begins it."""
    op.execute(
        "create table stripe_news (organization_id text primary key, kind text not null, at timestamptz not null)"
    )
    op.execute(
        "insert into stripe_news select organization_id, 'invoice.updated', max(greatest(created_at, paid_at))"
        " from invoices group by 1"
    )


def downgrade() -> None:
    """Drop it."""
    op.execute("drop table stripe_news")
