"""Who gets in, and that one organization's things do not exist for another's members."""

from collections.abc import AsyncIterator, Callable

import pytest
from tests.support.portal import PASSWORD, Portal, portal, provider_with_api


@pytest.fixture(scope="module")
def database_url(database: Callable[[str], str]) -> str:
    return database("portal_api")


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Portal]:
    async with portal(database_url) as running:
        yield running


async def test_a_stranger_gets_404_for_everything_of_an_organization(here: Portal) -> None:
    owner = await here.signed_up("owner@example.com")
    stranger = await here.signed_up("stranger@example.com")
    ids = await provider_with_api(owner, "Secret Organization")
    bodies = {
        "create_member": {"email": "stranger@example.com", "role": "admin"},
        "create_project": {"display_name": "Mine now"},
        "create_api": {"openapi": {"document": "openapi: 3.0.3"}},
        "create_plan": {"name": "Mine", "pricing_model": "free"},
        "set_development_endpoint": {"endpoint_url": None},
        "create_deployment": {},
        "create_promotion": {"use_development_endpoint_configuration": True},
        "change_lifecycle": {"action": "publish"},
        "set_api_plans": {"plan_ids": []},
        "change_plan": {"name": "Mine"},
    }
    checked = []
    for path, item in here.service.app.openapi()["paths"].items():
        if path.startswith("/v1/portal/") or not any(f"{{{name}}}" in path for name in ids):
            continue
        for method, operation in item.items():
            if operation["tags"][0] not in ("Organizations", "APIs", "Environments", "Lifecycle", "Plans"):
                continue
            url = path.format(**ids)
            answer = await stranger.request(method, url, json=bodies.get(operation["operationId"]))
            assert answer.status_code == 404, (operation["operationId"], answer.text)
            checked.append(operation["operationId"])
            anonymous = await here.client().request(method, url, json=bodies.get(operation["operationId"]))
            assert anonymous.status_code == 401
    assert set(bodies) <= set(checked)
    assert len(checked) >= 20


async def test_a_publisher_may_not_do_what_an_admin_may(here: Portal) -> None:
    admin = await here.signed_up("admin@example.com")
    publisher = await here.signed_up("publisher@example.com")
    ids = await provider_with_api(admin, "Roles Organization")
    base = f"/v1/organizations/{ids['organization']}"
    added = await admin.post(f"{base}/members", json={"email": "publisher@example.com", "role": "publisher"})
    assert added.status_code == 201
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


async def test_failed_sign_ins_are_limited_even_with_the_right_password_after_them(here: Portal) -> None:
    await here.signed_up("guessed@example.com")
    client = here.client()
    wrong = {"email": "guessed@example.com", "password": "not this one either"}
    statuses = [(await client.post("/v1/sessions", json=wrong)).status_code for _ in range(10)]
    assert statuses == [401] * 10
    right = await client.post("/v1/sessions", json=wrong | {"password": PASSWORD})
    assert right.status_code == 429


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
