"""What callers were last told of their usage, and of which subscriptions there is news to tell."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table. It fills by itself as calls come."""
    op.execute(
        "create table usage_tellings (subscription_id text primary key, number bigint not null,"
        " version bigint not null, due boolean not null, told jsonb)"
    )
    op.execute("create index usage_tellings_due on usage_tellings (subscription_id) where due")


def downgrade() -> None:
    """Drop it."""
    op.execute("drop table usage_tellings")
