"""From sign-up to a published API, on real PostgreSQL; and what is refused on the way."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import text
from tests.support.portal import CONTRACT, UNIT_PLAN, Portal, created, portal, provider_with_api

from shared.events.catalog import ApiState, PlanState
from shared.events.envelope import decode


@pytest.fixture(scope="module")
def database_url(database: Callable[[str], str]) -> str:
    return database("portal_api")


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Portal]:
    async with portal(database_url) as running:
        yield running


async def _published(here: Portal, topic: str, key: str) -> list[bytes]:
    async with here.service.engine.connect() as connection:
        rows = await connection.execute(
            text("select payload from outbox where topic = :topic and key = :key order by id"),
            {"topic": topic, "key": key.encode()},
        )
        return [bytes(row[0]) for row in rows]


async def test_an_api_is_imported_deployed_promoted_priced_and_published(here: Portal) -> None:
    client = await here.signed_up("journey@example.com")
    ids = await provider_with_api(client, "Journey Organization")
    api = f"/v1/apis/{ids['api']}"
    operations = (await created(await client.get(f"{api}/operations"), 200))["data"]
    assert [(one["method"], one["path"], one["operation_id"]) for one in operations] == [
        ("GET", "/books", "listBooks"),
        ("POST", "/books", "post_books"),
        ("GET", "/books/{id}", "getBook"),
    ]
    assert (await client.get(f"{api}/document")).text == CONTRACT

    await created(await client.post(f"{api}/deployments", json={"environment": "development"}))
    promoted = await created(
        await client.post(f"{api}/promotions", json={"use_development_endpoint_configuration": True})
    )
    assert promoted["status"] == "active"
    assert promoted["gateway_url"] == "http://gateway.test/journey-organization/reading-list-api/1.0.0"
    await created(await client.put(f"{api}/plans", json={"plan_ids": [ids["plan"]]}), 200)

    refused = await client.post(f"{api}/lifecycle", json={"action": "publish"})
    assert refused.status_code == 409
    assert [error["check"] for error in refused.json()["errors"]] == ["stripe_connected"]

    free = await created(
        await client.post(
            f"/v1/organizations/{ids['organization']}/plans", json={"name": "Free", "pricing_model": "free"}
        )
    )
    await created(await client.put(f"{api}/plans", json={"plan_ids": [free["id"]]}), 200)
    published = await created(await client.post(f"{api}/lifecycle", json={"action": "publish"}), 200)
    assert published["state"] == "published"

    portal_apis = await created(await here.client().get("/v1/portal/journey-organization/apis"), 200)
    assert [plan["name"] for plan in portal_apis["data"][0]["plans"]] == ["Free"]

    states = [decode(value, ApiState) for value in await _published(here, "catalog.apis", ids["api"])]
    assert [state.version for state in states] == [1, 2, 3, 4, 5, 6]
    last = states[-1]
    assert last.lifecycle == "published"
    assert last.plan_ids == (free["id"],)
    assert last.production is not None
    assert last.production.upstream_url == "http://93.184.216.34/v1"
    assert len({operation.number for operation in last.production.operations} | {last.number}) == 4


async def test_publishing_names_everything_that_is_missing(here: Portal) -> None:
    client = await here.signed_up("missing@example.com")
    ids = await provider_with_api(client, "Missing Things")
    refused = await client.post(f"/v1/apis/{ids['api']}/lifecycle", json={"action": "publish"})
    assert refused.status_code == 409
    assert {error["check"] for error in refused.json()["errors"]} == {"deployed_to_production", "plan_enabled"}


async def test_a_changed_price_is_a_new_version_and_a_changed_name_is_not(here: Portal) -> None:
    client = await here.signed_up("plans@example.com")
    ids = await provider_with_api(client, "Plan Versions")
    plan = f"/v1/plans/{ids['plan']}"
    renamed = await created(await client.patch(plan, json={"name": "Usage"}), 200)
    assert (renamed["version_count"], renamed["name"]) == (1, "Usage")
    dearer = await created(await client.patch(plan, json={"unit_amount_decimal": "3.5"}), 200)
    assert dearer["version_count"] == 2
    assert dearer["current"]["unit_amount_decimal"] == "3.5"
    assert dearer["current"]["rate_limit"] == {**UNIT_PLAN["rate_limit"], "burst": None}
    states = [decode(value, PlanState) for value in await _published(here, "catalog.plans", ids["plan"])]
    assert [(state.version, len(state.versions)) for state in states] == [(1, 1), (2, 1), (3, 2)]
    assert str(states[-1].versions[0].unit_amount_decimal) == "2"
    assert (await client.delete(plan)).status_code == 204
    assert (await client.get(plan)).status_code == 404


async def test_the_same_idempotency_key_creates_once(here: Portal) -> None:
    client = await here.signed_up("idempotent@example.com")
    body = {"name": "Only Once", "privacy_policy_accepted": True, "terms_accepted": True}
    key = {"Idempotency-Key": "0123456789abcdef-create-org"}
    answers = await asyncio.gather(*(client.post("/v1/organizations", json=body, headers=key) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    other = await client.post("/v1/organizations", json=body | {"name": "Other"}, headers=key)
    assert other.status_code == 409
    assert other.json()["type"].endswith("/problems/idempotency-key-reused")


async def test_a_secret_is_replayed_but_never_rests_in_clear(here: Portal) -> None:
    await here.signed_up("secret@example.com")
    client = await here.browser("secret@example.com")
    key = {"Idempotency-Key": "0123456789abcdef-create-token"}
    answers = [await client.post("/v1/personal-access-tokens", json={"name": "x"}, headers=key) for _ in range(2)]
    token = answers[0].json()["token"]
    assert answers[1].json()["token"] == token
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    async with here.service.engine.connect() as connection:
        stored = await connection.execute(text("select answer from idempotency_keys"))
        assert all(token.encode() not in bytes(row[0]) for row in stored)
        hashes = await connection.execute(text("select token_sha256 from personal_access_tokens"))
        assert all(token not in row[0] for row in hashes)


async def test_errors_in_a_contract_are_named_by_line(here: Portal) -> None:
    client = await here.signed_up("lines@example.com")
    ids = await provider_with_api(client, "Line Numbers")
    broken = CONTRACT.replace("        200: {description: The books}", "        200: {summary: The books}")
    answer = await client.post(
        f"/v1/organizations/{ids['organization']}/projects/{ids['project']}/apis",
        data={"identifier": "broken"},
        files={"file": ("openapi.yaml", broken.encode())},
    )
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert problem["type"].endswith("/problems/contract-invalid")
    line = broken.splitlines().index("        200: {summary: The books}") + 1
    assert line in [error["line"] for error in problem["errors"]]


async def test_lists_have_pages(here: Portal) -> None:
    client = await here.signed_up("pages@example.com")
    ids = await provider_with_api(client, "Many Projects")
    base = f"/v1/organizations/{ids['organization']}/projects"
    for number in range(4):
        await created(await client.post(base, json={"display_name": f"Project {number}"}))
    seen: list[str] = []
    after: str | None = None
    while True:
        page = (await client.get(base, params={"limit": 2} | ({"after": after} if after else {}))).json()
        seen += [row["identifier"] for row in page["data"]]
        after = page["next"]
        if not page["has_more"]:
            break
    assert seen == ["sample-project", "project-0", "project-1", "project-2", "project-3"]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8081/metrics", "http://169.254.169.254/latest", "http://[::ffff:10.0.0.1]/", "ftp://x.y"]
)
async def test_inside_addresses_are_refused_for_contracts_and_upstreams(here: Portal, url: str) -> None:
    slug = f"addr{abs(hash(url)) % 10**9}"
    client = await here.signed_up(f"{slug}@example.com")
    ids = await provider_with_api(client, slug)
    base = f"/v1/organizations/{ids['organization']}/projects/{ids['project']}/apis"
    fetched = await client.post(base, json={"openapi": {"url": url}})
    deployed = await client.post(f"/v1/apis/{ids['api']}/deployments", json={"endpoint_url": url})
    for answer in (fetched, deployed):
        assert answer.status_code == 422
        assert answer.json()["type"].rpartition("/")[2] in ("address-not-allowed", "url-invalid")


async def test_a_redirect_to_an_inside_address_is_refused(database_url: str) -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
        if path == b"/away":
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:1/\r\nContent-Length: 0\r\n\r\n")
        else:
            body = CONTRACT.replace("http://93.184.216.34/v1", "/v1").encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(redirect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, portal(database_url, allowed=f"127.0.0.1:{port}") as here:
        client = await here.signed_up("redirect@example.com")
        ids = await provider_with_api(client, "Redirects")
        base = f"/v1/organizations/{ids['organization']}/projects/{ids['project']}/apis"
        url = f"http://127.0.0.1:{port}"
        refused = await client.post(base, json={"openapi": {"url": f"{url}/away"}})
        assert refused.json()["type"].endswith("/problems/address-not-allowed"), refused.text
        body = {"identifier": "by-url", "openapi": {"url": f"{url}/openapi.yaml"}}
        imported = await created(await client.post(base, json=body))
        assert imported["endpoint_url"] == f"{url}/v1"
