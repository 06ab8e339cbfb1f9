"""Ways to sign in elsewhere, and the ways there and back that are under way."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """create table external_identities (
        id text primary key, issuer text not null, subject text not null, provider_id text not null,
        user_id text not null references users on delete cascade, email text not null, linked_at timestamptz not null,
        unique (issuer, subject)
    )""",
    "create index external_identities_user on external_identities (user_id, id)",
    "create trigger audit after insert or update or delete on external_identities for each row"
    " execute function audit_row('external_identity', 'id', 'user')",
    """create table sign_in_flows (
        state_sha256 text primary key, browser_sha256 text not null, provider_id text not null, nonce text not null,
        code_verifier text not null, next_path text not null,
        link_user_id text references users on delete cascade,
        created_at timestamptz not null, expires_at timestamptz not null
    )""",
    "create index sign_in_flows_expires_at on sign_in_flows (expires_at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop table sign_in_flows")
    op.execute("drop table external_identities")
