"""Policies in the Console: listed as applied, attached, changed and removed by plain forms."""

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from tests.support.portal import BASE, PASSWORD, Portal, created, portal, provider_with_api


@pytest.fixture(scope="module")
def database_url(database: Callable[[str], str]) -> str:
    return database("portal_api")


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Portal]:
    async with portal(database_url) as running:
        yield running


class Page:
    """A signed-in browser without JavaScript, at one API's policies."""

    def __init__(self, client: httpx.AsyncClient, base: str) -> None:
        self.client = client
        self.base = base

    async def get(self, rest: str = "") -> str:
        answer = await self.client.get(self.base + rest)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def post(self, rest: str, **values: Any) -> httpx.Response:
        token = re.search(r'name="csrf_token" value="([^"]+)"', await self.get())
        assert token is not None
        data = {"csrf_token": token[1], **values}
        return await self.client.post(self.base + rest, data=data, headers={"Origin": BASE})


async def opened(here: Portal, email: str, name: str) -> tuple[Page, httpx.AsyncClient, str]:
    admin = await here.signed_up(email)
    ids = await provider_with_api(admin, name)
    await created(await admin.post(f"/v1/apis/{ids['api']}/deployments", json={"environment": "development"}))
    client = here.client()
    form = {"email": email, "password": PASSWORD, "next": "/"}
    assert (await client.post("/sign-in", data=form, headers={"Origin": BASE})).status_code == 303
    return Page(client, f"/console/{ids['organization']}/apis/{ids['api']}/policies"), admin, ids["api"]


async def attached(admin: httpx.AsyncClient, api: str) -> list[dict[str, Any]]:
    answer = await admin.get(f"/v1/apis/{api}/environments/development/policies")
    found: list[dict[str, Any]] = answer.json()["policies"]
    return found


async def test_a_policy_is_attached_changed_and_removed(here: Portal) -> None:
    page, admin, api = await opened(here, "policies@example.com", "Policies")
    assert "No policy is attached" in await page.get()
    assert 'name="setting_allow"' in await page.get("/development?kind=ip-filter")
    answer = await page.post("/development", kind="response-headers", setting_remove="Server")
    assert answer.status_code == 303, answer.text
    answer = await page.post("/development", kind="ip-filter", setting_allow="192.0.2.0/24\r\n198.51.100.0/24")
    assert answer.status_code == 303
    listed = await page.get("?environment=development")
    rows = re.findall(r"kind=([a-z-]+)&amp;place=(\d)", listed)
    assert rows == [("ip-filter", "1"), ("response-headers", "0")], "in the order in which they are applied"
    form = await page.get("/development?kind=ip-filter&place=1")
    assert "192.0.2.0/24\n198.51.100.0/24" in form
    answer = await page.post("/development", kind="ip-filter", place="1", setting_deny="203.0.113.0/24")
    assert answer.status_code == 303
    assert await attached(admin, api) == [
        {"kind": "response-headers", "config": {"remove": ["Server"]}, "operations": []},
        {"kind": "ip-filter", "config": {"deny": ["203.0.113.0/24"]}, "operations": []},
    ]
    # The list has moved on under an old page: nothing else is removed.
    assert (await page.post("/development/remove", kind="ip-filter", place="0")).status_code == 409
    assert (await page.post("/development/remove", kind="response-headers", place="0")).status_code == 303
    assert [one["kind"] for one in await attached(admin, api)] == ["ip-filter"]


async def test_what_is_wrong_stands_at_its_field_and_nothing_is_stored(here: Portal) -> None:
    page, admin, api = await opened(here, "wrong@example.com", "Wrong")
    answer = await page.post("/development", kind="cors", setting_allow_origins="https://a.test\r\nftp://b")
    assert answer.status_code == 422
    assert "(line 2)" in answer.text
    assert "ftp://b" in answer.text, "what was typed is kept"
    assert (await page.post("/development", kind="ip-filter", operation="99999")).status_code == 422
    assert (await page.post("/development", kind="trace-context")).status_code == 303
    twice = await page.post("/development", kind="trace-context")
    assert (twice.status_code, "there twice" in twice.text) == (422, True)
    assert (await page.post("/development", kind="nothing")).status_code == 404
    assert [one["kind"] for one in await attached(admin, api)] == ["trace-context"]
