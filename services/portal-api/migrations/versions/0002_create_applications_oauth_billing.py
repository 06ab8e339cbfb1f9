"""Applications and credentials, signing keys, and the read models of billing."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """create table applications (
        id text primary key, number bigint not null unique, organization_id text not null, developer_id text not null,
        name text not null, description text not null, access_token_lifetime_seconds integer not null,
        status text not null check (status in ('active', 'deleting', 'deleted')), created_at timestamptz not null
    )""",
    "create index applications_owner on applications (organization_id, developer_id, id)",
    """create table oauth_clients (
        id text primary key, application_id text not null references applications (id),
        environment text not null, secret_hash text not null, status text not null, version bigint not null,
        min_generation bigint not null, created_at timestamptz not null, revoked_at timestamptz
    )""",
    "create index oauth_clients_application on oauth_clients (application_id)",
    """create table api_keys (
        id text primary key, application_id text not null references applications (id),
        environment text not null, prefix text not null, key_hash text not null unique, status text not null,
        version bigint not null, created_at timestamptz not null, revoked_at timestamptz
    )""",
    "create index api_keys_application on api_keys (application_id)",
    """create table signing_keys (
        kid text primary key, version bigint not null, encrypted_private_key bytea not null,
        public_jwk jsonb not null, not_before timestamptz not null, not_after timestamptz not null,
        active boolean not null
    )""",
    # Two replicas that start together cannot both sign with a key of their own.
    "create unique index signing_keys_one_active on signing_keys (active) where active",
    """create table subscriptions (
        id text primary key, version bigint not null, organization_id text not null, application_id text not null,
        developer_id text not null, api_id text not null, plan_id text not null,
        plan_version_number bigint not null, status text not null, paid boolean not null,
        created_at timestamptz not null, current_period_start timestamptz, current_period_end timestamptz,
        cancel_at_period_end boolean not null, cancel_at timestamptz, ended_at timestamptz, ended_by text,
        problem text, problem_detail text
    )""",
    "create index subscriptions_developer on subscriptions (organization_id, developer_id, id)",
    "create index subscriptions_application on subscriptions (application_id)",
    # The pair is held while its subscription lives: a second plan of the same API is a plan change, not a subscription.
    """create table subscription_reservations (
        application_id text not null, api_id text not null, subscription_id text not null unique,
        primary key (application_id, api_id)
    )""",
    """create table checkouts (
        subscription_id text primary key, session_id text, url text, expires_at timestamptz,
        status text not null, problem text, problem_detail text
    )""",
    """create table usage_windows (
        subscription_id text not null, period_start timestamptz not null, plan_version_number bigint not null,
        api_number bigint not null, operation_number bigint not null, window_start timestamptz not null,
        environment text not null, billable boolean not null, status_class smallint not null,
        calls bigint not null, units bigint not null, revision bigint not null,
        primary key (subscription_id, period_start, plan_version_number, api_number, operation_number, window_start,
                     environment, billable, status_class)
    )""",
    """create table usage_totals (
        subscription_id text not null, period_start timestamptz not null, plan_version_number bigint not null,
        environment text not null, billable boolean not null, calls bigint not null, units bigint not null,
        primary key (subscription_id, period_start, plan_version_number, environment, billable)
    )""",
    "create table usage_complete (partition integer primary key, complete_until timestamptz not null)",
    """create table usage_reported (
        subscription_id text not null, period_start timestamptz not null,
        counted_units bigint not null, reported_units bigint not null, primary key (subscription_id, period_start)
    )""",
    """create table refused_meter_events (
        identifier text primary key, subscription_id text not null, units bigint not null, reason text not null
    )""",
    """create table closed_subscriptions (
        subscription_id text primary key, ended_at timestamptz not null, verified boolean not null,
        reported_units bigint not null, final_invoice_id text
    )""",
    """create table invoices (
        id text primary key, observed bigint not null, organization_id text not null, developer_id text not null,
        subscription_id text, status text not null, currency text not null, total_minor bigint not null,
        amount_due_minor bigint not null, amount_paid_minor bigint not null, created_at timestamptz not null,
        period_start timestamptz not null, period_end timestamptz not null, lines jsonb not null, number text,
        billing_reason text, hosted_invoice_url text, invoice_pdf text, paid_at timestamptz
    )""",
    "create index invoices_developer on invoices (organization_id, developer_id, created_at desc, id desc)",
    """create table stripe_connections (
        organization_id text primary key, pending_connection_id text, connection_id text, connected boolean not null,
        account_id text, livemode boolean, charges_enabled boolean, publishable_key text,
        checks jsonb not null, problem text, problem_detail text
    )""",
)


def upgrade() -> None:
    """Create the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    for table in (
        "stripe_connections",
        "invoices",
        "closed_subscriptions",
        "refused_meter_events",
        "usage_reported",
        "usage_complete",
        "usage_totals",
        "usage_windows",
        "checkouts",
        "subscription_reservations",
        "subscriptions",
        "signing_keys",
        "api_keys",
        "oauth_clients",
        "applications",
    ):
        op.execute(f"drop table {table}")
