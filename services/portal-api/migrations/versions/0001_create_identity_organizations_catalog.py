"""Create messaging's tables, numbers, idempotency keys, and those of identity, organizations and catalog."""

from alembic import op

from shared.db import messaging_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    "create sequence numbers as integer",
    """create table idempotency_keys (
        scope text not null, key_sha256 bytea not null, request_sha256 bytea not null,
        status integer, answer bytea, expires_at timestamptz not null,
        primary key (scope, key_sha256)
    )""",
    "create index idempotency_keys_expires_at on idempotency_keys (expires_at)",
    """create table users (
        id text primary key, email text not null unique, name text not null, locale text not null,
        password_hash text not null, created_at timestamptz not null
    )""",
    """create table sessions (
        id text primary key, user_id text not null references users on delete cascade,
        token_sha256 text not null unique, created_at timestamptz not null, expires_at timestamptz not null
    )""",
    "create index sessions_user_id on sessions (user_id)",
    """create table personal_access_tokens (
        id text primary key, user_id text not null references users on delete cascade, name text not null,
        hint text not null, token_sha256 text not null unique,
        created_at timestamptz not null, expires_at timestamptz not null
    )""",
    "create index personal_access_tokens_user_id on personal_access_tokens (user_id, id)",
    """create table sign_in_failures (
        id bigint generated always as identity primary key, subject text not null, at timestamptz not null
    )""",
    "create index sign_in_failures_subject on sign_in_failures (subject, at)",
    "create index sign_in_failures_at on sign_in_failures (at)",
    """create table organizations (
        id text primary key, name text not null, identifier text not null unique, created_at timestamptz not null,
        privacy_policy_accepted_at timestamptz not null, terms_accepted_at timestamptz not null
    )""",
    """create table members (
        organization_id text not null references organizations on delete cascade,
        user_id text not null references users on delete cascade,
        role text not null check (role in ('admin', 'publisher')), created_at timestamptz not null,
        primary key (organization_id, user_id)
    )""",
    "create index members_user_id on members (user_id, organization_id)",
    """create table projects (
        id text primary key, organization_id text not null references organizations on delete cascade,
        display_name text not null, identifier text not null, description text not null,
        created_at timestamptz not null, unique (organization_id, identifier)
    )""",
    """create table apis (
        id text primary key, number integer not null unique,
        organization_id text not null references organizations, project_id text not null references projects,
        organization_identifier text not null, identifier text not null, version_label text not null,
        display_name text not null, description text not null,
        lifecycle text not null, state_version integer not null, openapi_version text not null,
        contract_url text, contract_endpoint_url text, development_endpoint_url text,
        production jsonb, development jsonb, plan_ids text[] not null,
        created_at timestamptz not null, sunset_at timestamptz,
        unique (organization_id, identifier, version_label)
    )""",
    "create index apis_project_id on apis (project_id, id)",
    "create index apis_plan_ids on apis using gin (plan_ids)",
    """create table contracts (
        api_id text primary key references apis on delete cascade, document text not null
    )""",
    """create table operations (
        number integer primary key, api_id text not null references apis on delete cascade,
        position integer not null, method text not null, path_template text not null,
        operation_id text not null, summary text not null, unique (api_id, method, path_template)
    )""",
    "create index operations_api_id on operations (api_id, position)",
    """create table deployments (
        id text primary key, api_id text not null references apis on delete cascade,
        environment text not null, revision integer not null, endpoint_url text not null,
        deployed_at timestamptz not null, deployed_by text not null, unique (api_id, environment, revision)
    )""",
    """create table plans (
        id text primary key, organization_id text not null references organizations,
        name text not null, description text not null, status text not null, state_version integer not null,
        created_at timestamptz not null
    )""",
    "create unique index plans_name on plans (organization_id, lower(name)) where status <> 'deleted'",
    """create table plan_versions (
        number integer primary key, plan_id text not null references plans on delete cascade,
        ordinal integer not null, terms jsonb not null, created_at timestamptz not null,
        unique (plan_id, ordinal)
    )""",
)


def upgrade() -> None:
    messaging_tables.create(op)
    for statement in _TABLES:
        op.execute(statement)


def downgrade() -> None:
    for table in (
        "plan_versions", "plans", "deployments", "operations", "contracts", "apis", "projects", "members",
        "organizations", "sign_in_failures", "personal_access_tokens", "sessions", "users", "idempotency_keys",
    ):  # fmt: skip
        op.execute(f"drop table {table}")
    op.execute("drop sequence numbers")
    messaging_tables.drop(op)
