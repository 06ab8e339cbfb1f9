"""Invitations, and the role viewer."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ROLES = "check (role in ('admin', 'publisher', 'viewer'))"
_STATEMENTS = (
    "alter table members drop constraint members_role_check",
    f"alter table members add constraint members_role_check {_ROLES}",
    f"""create table invitations (
        id text primary key, organization_id text not null references organizations on delete cascade,
        email text not null, role text not null {_ROLES},
        status text not null check (status in ('pending', 'accepted', 'declined', 'revoked')),
        token_sha256 text not null unique, invited_by text not null references users on delete cascade,
        inviter_name text not null, created_at timestamptz not null, expires_at timestamptz not null
    )""",
    "create index invitations_organization on invitations (organization_id, id) where status = 'pending'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop table invitations")
    op.execute("update members set role = 'publisher' where role = 'viewer'")
    op.execute("alter table members drop constraint members_role_check")
    op.execute("alter table members add constraint members_role_check check (role in ('admin', 'publisher'))")
