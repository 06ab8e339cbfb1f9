"""The audit log: triggers write it in the transaction of each change, and nothing edits it.

A table is audited by one line in `AUDITED`: its name, what its rows are called, which column names the row, and where
its organization stands. `audit_row` compares the rows, hides secrets by the names of their columns, and writes only
where a request told the transaction who is asking (`portal_api.http.request_context`): what consumers project and
timers tidy up is nobody's change. Orders to other services are audited in the outbox, which all of them pass.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# table, what it is called, column of its id, how its organization is found ('user': it belongs to a user's account)
AUDITED = (
    ("organizations", "organization", "id", "id"),
    ("members", "member", "user_id", "organization_id"),
    ("invitations", "invitation", "id", "organization_id"),
    ("projects", "project", "id", "organization_id"),
    ("apis", "api", "id", "organization_id"),
    ("contracts", "contract", "api_id", "api"),
    ("plans", "plan", "id", "organization_id"),
    ("plan_versions", "plan", "plan_id", "plan"),
    ("applications", "application", "id", "organization_id"),
    ("oauth_clients", "oauth_client", "id", "application"),
    ("api_keys", "api_key", "id", "application"),
    ("users", "user", "id", "user"),
    ("sessions", "session", "id", "user"),
    ("personal_access_tokens", "personal_access_token", "id", "user"),
)

_TABLE = """
create table audit_entries (
    number bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    organization_id text, actor_id text, actor_name text, actor_email text, actor_kind text not null,
    credential_id text, address text not null, user_agent text not null, trace_id text,
    operation text not null, action text not null, target_type text not null, target_id text not null,
    target_name text, before jsonb not null, after jsonb not null
)"""
_INDEXES = (
    "create index audit_entries_organization on audit_entries (organization_id, number desc)",
    "create index audit_entries_target on audit_entries (organization_id, target_id, number desc)",
    "create index audit_entries_account on audit_entries (actor_id, number desc) where organization_id is null",
)
# {"terms": {"currency": "usd"}} -> {"terms.currency": "usd"}; the list of operations is too long for a log.
_FLAT = """
create function audit_flat(shown jsonb) returns jsonb language sql immutable as $$
    select coalesce(jsonb_object_agg(
        case when part.key is null then whole.key else whole.key || '.' || part.key end,
        coalesce(part.value, whole.value)
    ), '{}')
    from jsonb_each(shown) whole
    left join lateral jsonb_each(
        case when jsonb_typeof(whole.value) = 'object' then whole.value - 'operations' else '{}' end
    ) part on true
$$"""
_SHOWN = """
create function audit_shown(shown jsonb) returns jsonb language sql immutable as $$
    select coalesce(jsonb_object_agg(key, case
        when key ~ '(_hash|_sha256|secret|sealed|encrypted|password)' then to_jsonb('(hidden)'::text)
        when key = 'document' then to_jsonb(octet_length(value #>> '{}') || ' bytes')
        when length(value::text) > 2000 then to_jsonb(left(value #>> '{}', 2000) || '…')
        else value end), '{}')
    from jsonb_each(shown) where value <> 'null'
$$"""
_CHANGED = """
create function audit_changed(one jsonb, other jsonb) returns jsonb language sql immutable as $$
    select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(one)
    where value is distinct from other -> key
      and key !~ '(^|[.])(version|state_version|min_generation|last_used_at|number|created_at)$'
$$"""
_WRITE = """
create function audit_write(
    who jsonb, organization text, account text, done text, kind text, id text, name text, was jsonb, is_now jsonb
) returns void language sql as $$
    insert into audit_entries (organization_id, actor_id, actor_name, actor_email, actor_kind, credential_id, address,
        user_agent, trace_id, operation, action, target_type, target_id, target_name, before, after)
    values (organization, coalesce(who ->> 'actor_id', account), who ->> 'actor_name', who ->> 'actor_email',
        coalesce(who ->> 'actor_kind', 'anonymous'), who ->> 'credential_id', coalesce(who ->> 'address', ''),
        coalesce(who ->> 'user_agent', ''), who ->> 'trace_id', coalesce(who ->> 'operation', ''), done, kind,
        coalesce(id, ''), name, audit_shown(was), audit_shown(is_now))
$$"""
_ROW = """
create function audit_row() returns trigger language plpgsql as $$
declare
    who jsonb := nullif(current_setting('tollway.audit', true), '')::jsonb;
    was jsonb := case when tg_op <> 'INSERT' then audit_flat(to_jsonb(old)) else '{}' end;
    is_now jsonb := case when tg_op <> 'DELETE' then audit_flat(to_jsonb(new)) else '{}' end;
    present jsonb := case when tg_op = 'DELETE' then was else is_now end;
    organization text; account text; name text; done text;
begin
    if who is null then return null; end if;
    case tg_argv[2]
        when 'api' then select organization_id into organization from apis where id = present ->> 'api_id';
        when 'plan' then
            select p.organization_id, p.name into organization, name from plans p where p.id = present ->> 'plan_id';
        when 'application' then
            select organization_id into organization from applications where id = present ->> 'application_id';
        when 'user' then account := coalesce(present ->> 'user_id', present ->> 'id');
        else organization := present ->> tg_argv[2];
    end case;
    if tg_table_name = 'members' then select email into name from users where id = present ->> 'user_id'; end if;
    -- A new version of a plan is a change of the plan: it is compared with the version before.
    if tg_table_name = 'plan_versions' and tg_op = 'INSERT' then
        select audit_flat(to_jsonb(v)) into was from plan_versions v
        where v.plan_id = new.plan_id and v.ordinal = new.ordinal - 1;
        was := coalesce(was, '{}');
    end if;
    done := case when tg_op = 'DELETE' then 'deleted' when was = '{}' then 'created' else 'updated' end;
    name := coalesce(name, present ->> 'name', present ->> 'display_name', present ->> 'email', present ->> 'title');
    select audit_changed(was, is_now), audit_changed(is_now, was) into was, is_now;
    if was = '{}' and is_now = '{}' then return null; end if;
    perform audit_write(who, organization, account, done, tg_argv[0], present ->> tg_argv[1], name, was, is_now);
    return null;
end $$"""
_ORDER = """
create function audit_order() returns trigger language plpgsql as $$
declare
    who jsonb := nullif(current_setting('tollway.audit', true), '')::jsonb;
    payload jsonb;
    organization text;
begin
    if who is null then return null; end if;
    payload := convert_from(new.payload, 'utf8')::jsonb;
    organization := payload ->> 'organization_id';
    if organization is null then
        select organization_id into organization from subscriptions where id = payload ->> 'subscription_id';
    end if;
    perform audit_write(who, organization, null, 'ordered', split_part(payload ->> 'type', '.', 1),
        coalesce(payload ->> 'subscription_id', organization), null, '{}', payload);
    return null;
end $$"""
_REFUSE = """
create function audit_refuse() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is written once: % is refused', tg_op;
end $$"""
_TRIGGERS = (
    "create trigger audit after insert on outbox for each row"
    " when (new.topic like '%subscriptions.commands' or new.topic like '%billing.commands')"
    " execute function audit_order()",
    "create trigger append_only before update or delete on audit_entries for each row execute function audit_refuse()",
    "create trigger append_only_all before truncate on audit_entries execute function audit_refuse()",
)


def upgrade() -> None:
    for statement in (_TABLE, *_INDEXES, _FLAT, _SHOWN, _CHANGED, _WRITE, _ROW, _ORDER, _REFUSE, *_TRIGGERS):
        op.execute(statement)
    for table, kind, column, organization in AUDITED:
        # A first contract comes with its API, and is said there.
        events = "update" if table == "contracts" else "insert or update or delete"
        op.execute(
            f"create trigger audit after {events} on {table} for each row"
            f" execute function audit_row('{kind}', '{column}', '{organization}')"
        )


def downgrade() -> None:
    for table, *_ in AUDITED:
        op.execute(f"drop trigger audit on {table}")
    op.execute("drop trigger audit on outbox")
    op.execute("drop table audit_entries")
    for function in (
        "audit_refuse()", "audit_order()", "audit_row()",
        "audit_write(jsonb, text, text, text, text, text, text, jsonb, jsonb)",
        "audit_changed(jsonb, jsonb)", "audit_shown(jsonb)", "audit_flat(jsonb)",
    ):  # fmt: skip
        op.execute(f"drop function {function}")
