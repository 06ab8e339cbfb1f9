"""Who gets in, and that one organization's things do not exist for another's members."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import text
from tests.support.portal import PASSWORD, Portal, portal, provider_with_api


@pytest.fixture(scope="module")
def database_url(database: Callable[[str], str]) -> str:
    return database("portal_api")


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Portal]:
    async with portal(database_url) as running:
        yield running


async def test_a_publisher_may_not_do_what_an_admin_may(here: Portal) -> None:
    admin = await here.verified("admin@example.com")
    publisher = await here.signed_up("publisher@example.com")
    ids = await provider_with_api(admin, "Roles Organization")
    base = f"/v1/organizations/{ids['organization']}"
    await here.join(admin, ids["organization"], publisher, "publisher")
    assert (await publisher.get(base)).json()["role"] == "publisher"
    refused = await publisher.post(f"{base}/plans", json={"name": "Free", "pricing_model": "free"})
    assert refused.status_code == 403
    assert refused.json()["type"].endswith("/problems/insufficient-role")


async def test_a_cookie_needs_its_csrf_token_to_change_anything(here: Portal) -> None:
    await here.signed_up("cookie@example.com")
    browser = here.client()
    session = await browser.post("/v1/sessions", json={"email": "Cookie@example.com", "password": PASSWORD})
    cookie = session.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert (await browser.get("/v1/users/me")).status_code == 200
    without = await browser.post("/v1/personal-access-tokens", json={"name": "x"})
    assert without.status_code == 403
    csrf = {"X-CSRF-Token": (await browser.get("/v1/sessions/current")).json()["csrf_token"]}
    assert (await browser.delete("/v1/sessions/current", headers=csrf)).status_code == 204
    browser.cookies.clear()
    browser.cookies.set("tollway_session", session.cookies["tollway_session"])
    assert (await browser.get("/v1/users/me")).status_code == 401


async def test_failed_sign_ins_lock_the_account_for_a_while_and_say_how_long(here: Portal) -> None:
    await here.signed_up("guessed@example.com")
    client = here.client()
    wrong = {"email": "guessed@example.com", "password": "not this one either"}
    statuses = [(await client.post("/v1/sessions", json=wrong)).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    right = await client.post("/v1/sessions", json=wrong | {"password": PASSWORD})
    assert right.status_code == 429
    assert 1 <= int(right.headers["Retry-After"]) <= 15
    assert "Try again in" in right.json()["detail"] and "UTC" in right.json()["detail"]


async def test_many_guesses_at_once_are_no_way_around_the_lock(here: Portal) -> None:
    await here.signed_up("burst@example.com")
    wrong = {"email": "burst@example.com", "password": "not this one either"}
    answers = await asyncio.gather(*(here.client().post("/v1/sessions", json=wrong) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 7


async def test_a_reset_by_mail_opens_a_locked_account(here: Portal) -> None:
    await here.signed_up("locked@example.com")
    wrong = {"email": "locked@example.com", "password": "not this one either"}
    for _ in range(6):
        await here.client().post("/v1/sessions", json=wrong)
    await here.client().post("/v1/password-resets", json={"email": "locked@example.com"})
    body = {"token": await here.link_to("locked@example.com", "reset-password"), "password": "a new green calm tree"}
    assert (await here.client().post("/v1/password-resets/confirm", json=body)).status_code == 204
    await here.browser("locked@example.com", "a new green calm tree")


async def test_sign_ups_of_one_address_are_limited(database_url: str) -> None:
    async with portal(database_url, sign_ups_per_hour=2) as here:
        async with here.service.engine.begin() as connection:
            await connection.execute(text("delete from attempts"))
        statuses = []
        for number in range(3):
            body = {"email": f"many-{number}@example.com", "password": PASSWORD, "name": "Many"}
            statuses.append((await here.client().post("/v1/users", json=body)).status_code)
        assert statuses == [201, 201, 429]


async def test_i_see_my_sessions_and_sign_out_everywhere(here: Portal) -> None:
    await here.signed_up("everywhere@example.com")
    laptop, phone = await here.browser("everywhere@example.com"), await here.browser("everywhere@example.com")
    listed = (await phone.get("/v1/sessions")).json()["data"]
    assert [row["current"] for row in listed] == [False, False, True]
    assert all(row["address"] and row["user_agent"].startswith("python-httpx") for row in listed)
    assert (await phone.delete(f"/v1/sessions/{listed[0]['id']}")).status_code == 204
    assert (await phone.delete(f"/v1/sessions/{listed[0]['id']}")).status_code == 404
    assert (await phone.delete("/v1/sessions?keep_current=true")).status_code == 204
    assert (await laptop.get("/v1/users/me")).status_code == 401
    assert (await phone.get("/v1/users/me")).status_code == 200
    assert (await phone.delete("/v1/sessions")).status_code == 204
    assert (await phone.get("/v1/users/me")).status_code == 401


async def test_nobody_ends_another_ones_session(here: Portal) -> None:
    await here.signed_up("mine@example.com")
    await here.signed_up("yours@example.com")
    mine, yours = await here.browser("mine@example.com"), await here.browser("yours@example.com")
    for row in (await yours.get("/v1/sessions")).json()["data"]:
        assert (await mine.delete(f"/v1/sessions/{row['id']}")).status_code == 404
    assert (await yours.get("/v1/users/me")).status_code == 200


async def test_a_reading_token_reads_and_changes_nothing(here: Portal) -> None:
    await here.signed_up("reader@example.com")
    browser = await here.browser("reader@example.com")
    created = await browser.post("/v1/personal-access-tokens", json={"name": "read", "scopes": ["read"]})
    assert created.json()["last_used_at"] is None
    reader = here.client(created.json()["token"])
    assert (await reader.get("/v1/users/me")).status_code == 200
    refused = await reader.patch("/v1/users/me", json={"name": "Other"})
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (403, "token-read-only")
    rows = (await browser.get("/v1/personal-access-tokens")).json()["data"]
    used = next(row for row in rows if row["id"] == created.json()["id"])
    assert used["scopes"] == ["read"] and used["last_used_at"] is not None


async def test_a_token_makes_no_tokens(here: Portal) -> None:
    client = await here.signed_up("breeder@example.com")
    refused = await client.post("/v1/personal-access-tokens", json={"name": "child"})
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (403, "session-required")


async def test_a_revoked_token_opens_nothing(here: Portal) -> None:
    client = await here.signed_up("revoked@example.com")
    tokens = (await client.get("/v1/personal-access-tokens")).json()["data"]
    assert (await client.delete(f"/v1/personal-access-tokens/{tokens[0]['id']}")).status_code == 204
    refused = await client.get("/v1/users/me")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("identifier", ["dev", "ab", "Has-Capitals", "-x-", "a" * 41])
async def test_an_unusable_identifier_is_refused(here: Portal, identifier: str) -> None:
    client = await here.signed_up(f"id{abs(hash(identifier)) % 10**9}@example.com")
    body = {"name": "X", "identifier": identifier, "privacy_policy_accepted": True, "terms_accepted": True}
    refused = await client.post("/v1/organizations", json=body)
    assert refused.status_code == 422
    assert refused.json()["field"] == "identifier"


async def test_terms_must_be_accepted(here: Portal) -> None:
    client = await here.signed_up("terms@example.com")
    body = {"name": "No Terms", "privacy_policy_accepted": True, "terms_accepted": False}
    refused = await client.post("/v1/organizations", json=body)
    assert (refused.status_code, refused.json()["field"]) == (422, "terms_accepted")
