"""Every change of the control plane leaves an entry in the transaction of the change; nothing edits an entry."""

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from tests.support.portal import PASSWORD, Portal, created, portal, provider_with_api

from portal_api.web.kit.audit_text import KINDS

# Tables whose changes nobody makes on purpose, or that say so elsewhere.
NOT_AUDITED = {
    "alembic_version", "attempts", "audit_entries", "kafka_offsets", "idempotency_keys", "inbox", "leases", "mails",
    "one_time_tokens", "sign_in_flows", "signing_keys", "operations",
    # Orders in the outbox tell of these; the rest are read models of what other services decide.
    "outbox", "billing_portal_sessions", "payment_graces", "stripe_connections",
    "subscriptions", "subscription_reservations", "checkouts", "invoices",
    "closed_subscriptions", "refused_meter_events", "usage_complete", "usage_days",
    "usage_reported", "usage_totals", "usage_windows", "api_minutes", "api_hours",
    "stripe_news", "usage_tellings",
    # The pictures themselves; a branding's entry names theirs.
    "brand_logos",
    # A deployment changes its API, whose entry says so.
    "deployments",
}  # fmt: skip


@pytest.fixture(scope="module")
def database_url(database: Callable[[str], str]) -> str:
    return database("portal_api")


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Portal]:
    async with portal(database_url) as running:
        yield running


async def log(client: httpx.AsyncClient, organization: str, **wanted: str) -> list[dict[str, Any]]:
    """Newest first."""
    answer = await client.get(f"/v1/organizations/{organization}/audit-log", params={"limit": 100, **wanted})
    return list((await created(answer, 200))["data"])


async def test_a_new_table_is_audited_or_says_why_not(here: Portal) -> None:
    async with here.service.engine.connect() as connection:
        tables = {
            row[0]
            for row in await connection.execute(text("select tablename from pg_tables where schemaname = 'public'"))
        }
        audited = {
            row[0]
            for row in await connection.execute(
                text("select distinct event_object_table from information_schema.triggers where trigger_name = 'audit'")
            )
        }
    assert tables - audited - NOT_AUDITED == set(), "add a trigger (migration 0007), or a reason in NOT_AUDITED"
    assert {"organizations", "members", "plans", "apis", "oauth_clients", "outbox"} <= audited


async def test_every_kind_that_a_trigger_writes_has_sentences(here: Portal) -> None:
    statement = "select action_statement from information_schema.triggers where trigger_name = 'audit'"
    async with here.service.engine.connect() as connection:
        written = {row[0] for row in await connection.execute(text(statement))}
    kinds = {found[1] for one in written if (found := re.search(r"audit_row\('(\w+)'", one))}
    assert {"organization", "plan", "brand_page"} <= kinds
    assert kinds - KINDS == set(), "say it in web/kit/audit_text.py"


async def test_who_changed_what_from_where_before_and_after(here: Portal) -> None:
    admin = await here.verified("auditor@example.com")
    ids = await provider_with_api(admin, "Audited Organization")
    await created(
        await admin.patch(
            f"/v1/plans/{ids['plan']}",
            json={"name": "Pay per call", "unit_amount_decimal": "3"},
            headers={"User-Agent": "curl/8"},
        ),
        200,
    )
    me = (await admin.get("/v1/users/me")).json()
    terms, name = (await log(admin, ids["organization"], target_id=ids["plan"]))[:2]
    if "name" in terms["after"]:
        terms, name = name, terms
    assert (name["before"], name["after"]) == ({"name": "Pay-as-you-go"}, {"name": "Pay per call"})
    changed = [key for key in terms["after"] if key.endswith("unit_amount_decimal")]
    assert [terms["before"][key] + " -> " + terms["after"][key] for key in changed] == ["2 -> 3"]
    for entry in (terms, name):
        assert entry["actor"]["id"] == me["id"] and entry["actor"]["email"] == "auditor@example.com"
        assert entry["actor"]["kind"] == "personal_access_token"
        assert (entry["operation"], entry["action"], entry["target_type"]) == ("change_plan", "updated", "plan")
        assert entry["address"] and entry["user_agent"] == "curl/8" and entry["trace_id"]


async def test_each_kind_of_change_is_there(here: Portal) -> None:
    admin = await here.verified("everything@example.com")
    developer = await here.signed_up("audited-developer@example.com")
    ids = await provider_with_api(admin, "Complete Organization")
    org = ids["organization"]
    await here.join(admin, org, developer, "viewer")
    api = f"/v1/apis/{ids['api']}"
    await created(await admin.post(f"{api}/deployments", json={"environment": "development"}))
    await created(await admin.post(f"{api}/promotions", json={"use_development_endpoint_configuration": True}))
    free = await created(
        await admin.post(f"/v1/organizations/{org}/plans", json={"name": "Free", "pricing_model": "free"})
    )
    await created(await admin.put(f"{api}/plans", json={"plan_ids": [free["id"]]}), 200)
    await created(await admin.post(f"{api}/lifecycle", json={"action": "publish"}), 200)
    identifier = (await admin.get(f"/v1/organizations/{org}")).json()["identifier"]
    application = await created(
        await developer.post(f"/v1/portal/{identifier}/applications", json={"name": "Audited App"})
    )
    base = f"/v1/applications/{application['id']}"
    client = await created(await developer.post(f"{base}/oauth-clients", json={"environment": "production"}))
    wanted = {"api_id": ids["api"], "plan_id": free["id"]}
    assert (await developer.post(f"{base}/subscriptions", json=wanted)).status_code == 202
    entries = await log(admin, org)
    said = {(entry["operation"], entry["action"], entry["target_type"]) for entry in entries}
    assert said >= {
        ("create_organization", "created", "organization"),
        ("create_organization", "created", "member"),
        ("create_project", "created", "project"),
        ("create_api", "created", "api"),
        ("create_plan", "created", "plan"),
        ("create_invitation", "created", "invitation"),
        ("accept_invitation", "updated", "invitation"),
        ("accept_invitation", "created", "member"),
        ("create_deployment", "updated", "api"),
        ("create_promotion", "updated", "api"),
        ("set_api_plans", "updated", "api"),
        ("change_lifecycle", "updated", "api"),
        ("create_application", "created", "application"),
        ("create_oauth_client", "created", "oauth_client"),
        ("create_subscription", "ordered", "subscription"),
    }
    assert client["client_secret"] not in str(entries)
    hidden = next(entry for entry in entries if entry["target_type"] == "oauth_client")
    assert hidden["after"]["secret_hash"] == "(hidden)"
    deployed = next(entry for entry in entries if entry["operation"] == "create_deployment")
    assert deployed["after"]["development.revision"] == 1
    assert not any("operations" in key for key in deployed["after"])


async def test_a_refused_change_leaves_no_entry(here: Portal) -> None:
    admin = await here.verified("refused-change@example.com")
    ids = await provider_with_api(admin, "Refusing Organization")
    before = await log(admin, ids["organization"])
    refused = await admin.post(f"/v1/apis/{ids['api']}/lifecycle", json={"action": "publish"})
    assert refused.status_code == 409
    assert await log(admin, ids["organization"]) == before


async def test_pages_and_filters(here: Portal) -> None:
    admin = await here.verified("pager@example.com")
    ids = await provider_with_api(admin, "Paged Organization")
    path = f"/v1/organizations/{ids['organization']}/audit-log"
    everything = await log(admin, ids["organization"])
    seen, after = [], None
    while True:
        page = (await admin.get(path, params={"limit": 2} | ({"after": after} if after else {}))).json()
        seen += page["data"]
        after = page["next"]
        if after is None:
            break
    assert seen == everything and len(everything) >= 5
    plans = await log(admin, ids["organization"], target_type="plan")
    assert plans == [entry for entry in everything if entry["target_type"] == "plan"]
    assert await log(admin, ids["organization"], until=everything[-1]["at"]) == []
    assert (await admin.get(path, params={"after": "nonsense"})).status_code == 422


async def test_the_log_is_for_admins_of_its_organization(here: Portal) -> None:
    admin, viewer = await here.verified("log-admin@example.com"), await here.signed_up("log-viewer@example.com")
    ids = await provider_with_api(admin, "Private Organization")
    path = f"/v1/organizations/{ids['organization']}/audit-log"
    assert (await viewer.get(path)).status_code == 404
    await here.join(admin, ids["organization"], viewer, "publisher")
    assert (await viewer.get(path)).status_code == 403


async def test_my_own_account_has_a_log(here: Portal) -> None:
    await here.verified("account@example.com")
    browser = await here.browser("account@example.com")
    body = {"current_password": PASSWORD, "new_password": "a wholly other phrase"}
    assert (await browser.put("/v1/users/me/password", json=body)).status_code == 204
    entries = (await browser.get("/v1/users/me/audit-log", params={"limit": 100})).json()["data"]
    said = [(entry["operation"], entry["action"], entry["target_type"]) for entry in entries]
    for wanted in (
        ("create_user", "created", "user"),
        ("create_session", "created", "session"),
        ("create_personal_access_token", "created", "personal_access_token"),
        ("confirm_email", "updated", "user"),
        ("change_password", "updated", "user"),
    ):
        assert wanted in said
    changed = next(
        entry for entry in entries if entry["operation"] == "change_password" and entry["target_type"] == "user"
    )
    assert changed["after"]["password_hash"] == changed["before"]["password_hash"] == "(hidden)"


@pytest.mark.parametrize(
    "statement", ["update audit_entries set address = ''", "delete from audit_entries", "truncate audit_entries"]
)
async def test_entries_are_never_edited(here: Portal, statement: str) -> None:
    await here.signed_up(f"editor{len(statement)}@example.com")
    with pytest.raises(DBAPIError, match="written once"):
        async with here.service.engine.begin() as connection:
            await connection.execute(text(statement))
