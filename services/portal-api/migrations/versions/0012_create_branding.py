"""How an organization's Developer Portal looks: name, accent, logo, and pages of its own."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables. A logo's bytes stand apart: the audit log names it by its hash."""
    op.execute(
        """create table brandings (
            organization_id text primary key references organizations on delete cascade,
            portal_name text, accent_light text, accent_dark text, logo_digest text, updated_at timestamptz not null
        )"""
    )
    op.execute(
        """create table brand_logos (
            organization_id text primary key references organizations on delete cascade,
            content bytea not null, width bigint not null, height bigint not null
        )"""
    )
    op.execute(
        """create table brand_pages (
            organization_id text not null references organizations on delete cascade,
            page text not null check (page in ('about', 'terms', 'docs')),
            markdown text not null, updated_at timestamptz not null,
            primary key (organization_id, page)
        )"""
    )
    for table, kind, column in (("brandings", "branding", "organization_id"), ("brand_pages", "brand_page", "page")):
        op.execute(
            f"create trigger audit after insert or update or delete on {table} for each row"
            f" execute function audit_row('{kind}', '{column}', 'organization_id')"
        )


def downgrade() -> None:
    """Drop them."""
    for table in ("brand_pages", "brand_logos", "brandings"):
        op.execute(f"drop table {table}")
