"""Tables of billing-sync, and those of messaging."""

from alembic import op

from shared.db import messaging_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    """create table stripe_connections (
        connection_id text not null,
        organization_id text not null,
        sealed_secret_key text not null,
        publishable_key text not null,
        status text not null,
        primary key (connection_id)
    )""",
    """create table stripe_accounts (
        organization_id text not null,
        connection_id text not null,
        account_id text not null,
        livemode boolean not null,
        publishable_key text not null,
        secret_key bytea not null,
        status text not null,
        webhook_endpoint_id text,
        webhook_secret bytea,
        primary key (organization_id)
    )""",
    """create table apis (
        api_id text not null,
        version bigint not null,
        number bigint not null,
        organization_id text not null,
        display_name text not null,
        version_label text not null,
        primary key (api_id)
    )""",
    """create table developers (
        developer_id text not null,
        version bigint not null,
        email text not null,
        name text not null,
        primary key (developer_id)
    )""",
    """create table subscriptions (
        subscription_id text not null,
        version bigint not null,
        organization_id text not null,
        developer_id text not null,
        api_id text not null,
        plan_id text not null,
        plan_version_number bigint not null,
        status text not null,
        success_url text not null,
        cancel_url text not null,
        cancel_at_period_end boolean not null,
        access_ended_at timestamptz,
        account_id text,
        customer_id text,
        slot bigint,
        meter_id text,
        event_name text,
        usage_price_id text,
        session_id text,
        session_status text,
        payment_status text,
        checkout_refused boolean not null,
        stripe_subscription_id text,
        stripe_status text,
        stripe_cancel_at_period_end boolean not null,
        stripe_cancel_at timestamptz,
        stripe_canceled_at timestamptz,
        stripe_ended_at timestamptz,
        stripe_period_start timestamptz,
        stripe_period_end timestamptz,
        observed bigint not null,
        refreshed_at timestamptz,
        slot_freed boolean not null,
        primary key (subscription_id)
    )""",
    """create table billing_periods (
        subscription_id text not null,
        period_start timestamptz not null,
        period_end timestamptz not null,
        closed boolean not null,
        primary key (subscription_id, period_start)
    )""",
    """create table ledger (
        subscription_id text not null,
        period_start timestamptz not null,
        push_number bigint not null,
        identifier text not null,
        organization_id text not null,
        customer_id text not null,
        meter_id text not null,
        event_name text not null,
        units bigint not null,
        stamped_at timestamptz not null,
        status text not null,
        attempts bigint not null,
        first_tried_at timestamptz,
        first_tried_real_at timestamptz,
        reason text,
        primary key (identifier)
    )""",
    """create table renewals (
        invoice_id text not null,
        organization_id text not null,
        subscription_id text not null,
        period_start timestamptz not null,
        period_end timestamptz not null,
        step text not null,
        held boolean not null,
        started_at timestamptz not null,
        step_started_at timestamptz not null,
        primary key (invoice_id)
    )""",
    """create table closings (
        subscription_id text not null,
        ended_at timestamptz not null,
        step text not null,
        started_at timestamptz not null,
        step_started_at timestamptz not null,
        attempts bigint not null,
        final_invoice_id text,
        verified boolean not null,
        expected_minor bigint,
        primary key (subscription_id)
    )""",
    """create table stripe_events (
        organization_id text not null,
        event_id text not null,
        kind text not null,
        object_id text not null,
        payload text not null,
        received_at timestamptz not null,
        primary key (organization_id, event_id)
    )""",
    """create table invoices (
        invoice_id text not null,
        organization_id text not null,
        subscription_id text,
        observed bigint not null,
        status text not null,
        billing_reason text,
        digest text not null,
        paid_at timestamptz,
        event bytea not null,
        primary key (invoice_id)
    )""",
    """create table plans (plan_id text primary key, version bigint not null, name text not null)""",
    """create table plan_versions (number bigint primary key, plan_id text not null, body bytea not null)""",
    # Ids of what we made in Stripe: product, meter, price, customer.
    """create table stripe_objects (
        account_id text not null, kind text not null, key text not null, stripe_id text not null,
        primary key (account_id, kind, key)
    )""",
    """create table usage_windows (
        subscription_id text not null, plan_version_number bigint not null, period_start timestamptz not null,
        api_number bigint not null, operation_number bigint not null, window_start timestamptz not null,
        environment text not null, billable boolean not null, status_class integer not null,
        calls bigint not null, units bigint not null, revision bigint not null,
        primary key (subscription_id, period_start, window_start, plan_version_number, api_number, operation_number,
                     environment, billable, status_class)
    )""",
    # The billable production total of a period: the sum of its windows, kept in the transaction that stores them.
    """create table usage_totals (
        subscription_id text not null, period_start timestamptz not null, units bigint not null,
        primary key (subscription_id, period_start)
    )""",
    "create table usage_complete (partition integer primary key, complete_until timestamptz not null)",
    """create table late_usage (
        subscription_id text not null, period_start timestamptz not null, units bigint not null, reason text not null,
        primary key (subscription_id, period_start)
    )""",
    """create table jobs (
        kind text not null, key text not null, wanted bigint not null default 1,
        due_at timestamptz, not_before timestamptz not null,
        holder text, lease_until timestamptz, attempts integer not null default 0, last_error text,
        primary key (kind, key)
    )""",
    "create index jobs_due_at on jobs (due_at) where due_at is not null",
    # One unfinished push per (Stripe customer, meter), whoever writes it.
    "create unique index ledger_unfinished on ledger (customer_id, meter_id) where status = 'pending'",
    "create unique index ledger_number on ledger (subscription_id, period_start, push_number)",
    "create index ledger_stamped on ledger (customer_id, meter_id, stamped_at)",
    # Two live items of one customer on one meter would count usage twice.
    """create unique index subscriptions_slot on subscriptions (customer_id, api_id, plan_id, slot)
        where slot is not null and not slot_freed""",
    "create index subscriptions_session on subscriptions (organization_id, session_id)",
    "create index subscriptions_stripe on subscriptions (organization_id, stripe_subscription_id)",
    "create index renewals_period on renewals (subscription_id, period_start)",
)


def upgrade() -> None:
    """Create everything."""
    messaging_tables.create(op)
    for statement in _TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Remove everything."""
    for table in (
        "jobs",
        "late_usage",
        "usage_complete",
        "usage_totals",
        "usage_windows",
        "stripe_objects",
        "plan_versions",
        "plans",
        "invoices",
        "stripe_events",
        "closings",
        "renewals",
        "ledger",
        "billing_periods",
        "subscriptions",
        "developers",
        "apis",
        "stripe_accounts",
        "stripe_connections",
    ):
        op.execute(f"drop table {table}")
    messaging_tables.drop(op)
