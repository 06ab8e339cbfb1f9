"""A rotated secret stays valid beside the new one for a while; when a client was last used."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.execute(
        "alter table oauth_clients add column previous_secret_hash text,"
        " add column previous_valid_until timestamptz, add column last_used_at timestamptz"
    )
    op.execute("alter table api_keys add column previous_key_hash text, add column previous_valid_until timestamptz")
    for table in ("oauth_clients", "api_keys"):
        op.execute(
            f"create index {table}_grace on {table} (previous_valid_until) where previous_valid_until is not null"
        )


def downgrade() -> None:
    """Remove them."""
    op.execute("alter table api_keys drop column previous_key_hash, drop column previous_valid_until")
    op.execute(
        "alter table oauth_clients drop column previous_secret_hash, drop column previous_valid_until,"
        " drop column last_used_at"
    )
