"""Mails, links in mails, counted tries; what sessions and tokens tell of their use."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "alter table users add column email_verified_at timestamptz",
    "alter table users add column state_version bigint not null default 1",
    "alter table users alter column password_hash drop not null",
    "alter table sessions add column address text not null default ''",
    "alter table sessions add column user_agent text not null default ''",
    "alter table sessions add column last_used_at timestamptz",
    "alter table personal_access_tokens add column scopes text[] not null default '{read,write}'",
    "alter table personal_access_tokens add column last_used_at timestamptz",
    """create table one_time_tokens (
        token_sha256 text primary key, purpose text not null,
        user_id text not null references users on delete cascade, email text not null,
        created_at timestamptz not null, expires_at timestamptz not null
    )""",
    "create index one_time_tokens_user on one_time_tokens (user_id, purpose)",
    "create index one_time_tokens_expires_at on one_time_tokens (expires_at)",
    """create table attempts (
        subject text primary key, count bigint not null, first_at timestamptz not null, last_at timestamptz not null
    )""",
    "create index attempts_last_at on attempts (last_at)",
    "drop table sign_in_failures",
    """create table mails (
        id text primary key, kind text not null, recipient text not null, sealed bytea,
        status text not null check (status in ('pending', 'sent', 'failed', 'expired')),
        attempts bigint not null, next_attempt_at timestamptz not null, created_at timestamptz not null,
        valid_until timestamptz not null, finished_at timestamptz, last_error text
    )""",
    "create index mails_due on mails (next_attempt_at) where status = 'pending'",
    "create index mails_finished_at on mails (finished_at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop table mails")
    op.execute("drop table attempts")
    op.execute("drop table one_time_tokens")
    op.execute(
        """create table sign_in_failures (
            id bigint generated always as identity primary key, subject text not null, at timestamptz not null
        )"""
    )
    for table, column in (
        ("personal_access_tokens", "last_used_at"),
        ("personal_access_tokens", "scopes"),
        ("sessions", "last_used_at"),
        ("sessions", "user_agent"),
        ("sessions", "address"),
        ("users", "state_version"),
        ("users", "email_verified_at"),
    ):
        op.execute(f"alter table {table} drop column {column}")
