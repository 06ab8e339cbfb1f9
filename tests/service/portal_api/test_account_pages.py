"""The pages of accounts, members and the audit log, as a browser without JavaScript uses them: links and forms."""

import re
from collections.abc import AsyncIterator, Callable
from html import unescape

import httpx
import pytest
from tests.support.portal import PASSWORD, Portal, portal, provider_with_api

NEW = "another calm green tree"


@pytest.fixture(scope="module")
def database_url(database: Callable[[str], str]) -> str:
    return database("portal_api")


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Portal]:
    async with portal(database_url) as running:
        yield running


async def submit(browser: httpx.AsyncClient, page: str, action: str, **fields: str) -> httpx.Response:
    """Fill in the form with this action that stands on a page, and send it with what is hidden in it."""
    shown = await browser.get(page)
    assert shown.status_code == 200, (page, shown.status_code)
    forms = re.findall(r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', shown.text, re.DOTALL)
    body = next((body for where, body in forms if unescape(where) == action), None)
    assert body is not None, (action, [where for where, _ in forms])
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', body))
    return await browser.post(action, data={name: unescape(value) for name, value in hidden.items()} | fields)


async def entered(here: Portal, email: str, password: str = PASSWORD) -> httpx.AsyncClient:
    browser = here.client()
    answer = await submit(browser, "/sign-in", "/sign-in", email=email, password=password)
    assert answer.status_code == 303, answer.text
    return browser


async def test_sign_up_confirm_and_what_the_account_says(here: Portal) -> None:
    browser = here.client()
    answer = await submit(
        browser, "/sign-up", "/sign-up", name="Page Person", email="page@example.com", password=PASSWORD
    )
    assert answer.status_code == 303
    account = await browser.get("/account")
    assert "Not confirmed" in account.text and "Page Person" in account.text
    link = (await here.mails_to("page@example.com"))[0].links[0].removeprefix("http://portal.test")
    assert "Not confirmed" in (await browser.get("/account")).text, "looking at the link's page confirms nothing"
    await browser.get(link)
    assert "Not confirmed" in (await browser.get("/account")).text
    assert (await submit(browser, link, "/verify-email")).status_code == 303
    assert "Not confirmed" not in (await browser.get("/account")).text
    used = await submit(browser, link, "/verify-email")
    assert used.status_code == 422 and "This link is not valid" in used.text


async def test_forgotten_password(here: Portal) -> None:
    await here.verified("forgetful@example.com")
    browser = here.client()
    sent = await submit(browser, "/forgot-password", "/forgot-password", email="forgetful@example.com")
    assert "Look into your mailbox" in sent.text
    unknown = await submit(browser, "/forgot-password", "/forgot-password", email="unknown@example.com")
    assert unknown.text.replace("unknown@", "forgetful@").replace("unknown%40", "forgetful%40") == sent.text
    link = (await here.mails_to("forgetful@example.com"))[0].links[0].removeprefix("http://portal.test")
    weak = await submit(browser, link, "/reset-password", password="short")
    assert weak.status_code == 422 and "at least 10 characters" in weak.text.lower()
    assert (await submit(browser, link, "/reset-password", password=NEW)).headers["location"] == "/sign-in"
    await entered(here, "forgetful@example.com", NEW)


async def test_a_locked_account_says_until_when(here: Portal) -> None:
    await here.signed_up("locked-page@example.com")
    browser = here.client()
    for _ in range(6):
        answer = await submit(browser, "/sign-in", "/sign-in", email="locked-page@example.com", password="wrong one")
    assert answer.status_code == 429
    assert "Too many failed sign-ins" in answer.text and "UTC" in answer.text


async def test_invite_accept_change_role_and_leave(here: Portal) -> None:
    admin = await here.verified("page-admin@example.com")
    await provider_with_api(admin, "Page Organization")
    browser = await entered(here, "page-admin@example.com")
    members = "/console/page-organization/members"
    invite = "/console/page-organization/invitations"
    bad = await submit(browser, members, invite, email="nonsense", role="viewer")
    assert bad.status_code == 422 and "This is not an e-mail address" in bad.text
    assert (await submit(browser, members, invite, email="page-guest@example.com", role="viewer")).status_code == 303
    link = (await here.mails_to("page-guest@example.com"))[0].links[0].removeprefix("http://portal.test")
    stranger = here.client()
    offer = await stranger.get(link)
    assert "Join Page Organization" in offer.text
    sign_up = re.search(r'href="(/sign-up\?[^"]*)"', offer.text)
    assert sign_up is not None
    there = unescape(sign_up[1])
    up = await submit(stranger, there, "/sign-up", name="Guest", email="page-guest@example.com", password=PASSWORD)
    assert up.headers["location"] == link
    accepted = await submit(stranger, link, "/invitations/accept")
    assert accepted.headers["location"] == "/console/page-organization"
    assert "Invite somebody" not in (await stranger.get(members)).text
    assert (await stranger.get("/console/page-organization/audit-log")).status_code == 403
    shown = (await browser.get(members)).text
    mine = await _id(browser)
    other = next(
        one for one in re.findall(r'action="/console/page-organization/members/(user_\w+)/role"', shown) if one != mine
    )
    changed = await submit(browser, members, f"{members}/{other}/role", role="publisher")
    assert changed.status_code == 303
    last = await submit(browser, members, f"{members}/{await _id(browser)}/remove")
    assert last.status_code == 409 and "The last admin" in last.text
    assert (await submit(stranger, members, f"{members}/{other}/remove")).headers["location"] == "/console"


async def _id(browser: httpx.AsyncClient) -> str:
    return str((await browser.get("/v1/users/me")).json()["id"])


async def test_the_audit_log_shows_before_and_after(here: Portal) -> None:
    admin = await here.verified("page-auditor@example.com")
    ids = await provider_with_api(admin, "Page Audit")
    await admin.patch(f"/v1/plans/{ids['plan']}", json={"name": "Renamed Plan"})
    browser = await entered(here, "page-auditor@example.com")
    page = await browser.get("/console/page-audit/audit-log?target_type=plan&action=updated")
    assert "Renamed Plan" in page.text and "Pay-as-you-go" in page.text and "change_plan" in page.text
    assert "Changed a plan" in page.text
    none = await browser.get("/console/page-audit/audit-log?target_type=subscription")
    assert "No entry fits these filters" in none.text


async def test_a_token_is_shown_once_and_revoked(here: Portal) -> None:
    await here.signed_up("page-tokens@example.com")
    browser = await entered(here, "page-tokens@example.com")
    made = await submit(browser, "/account/tokens", "/account/tokens", name="ci", expires_in_days="30", scope="read")
    token = re.search(r"pat_[\w-]{40,}", made.text)
    assert token is not None
    assert (await here.client(token[0]).get("/v1/users/me")).status_code == 200
    page = (await browser.get("/account/tokens")).text
    assert token[0] not in page and "Read only" in page
    ids = re.findall(r'action="(/account/tokens/patid_\w+/revoke)"', page)
    assert "Revoke ci?" in page and "refused with 401" in page, "it asks before it revokes"
    for action in ids:
        assert (await submit(browser, "/account/tokens", action)).status_code == 303
    assert (await here.client(token[0]).get("/v1/users/me")).status_code == 401


async def test_sessions_are_seen_and_ended(here: Portal) -> None:
    await here.signed_up("page-sessions@example.com")
    one, two = await entered(here, "page-sessions@example.com"), await entered(here, "page-sessions@example.com")
    page = (await one.get("/account/security")).text
    assert "This one" in page and "127.0.0.1" in page
    assert (await submit(one, "/account/security", "/account/sessions/end")).status_code == 303
    assert (await two.get("/account")).status_code == 303
    assert (await one.get("/account")).status_code == 200


async def test_forms_need_the_sessions_token(here: Portal) -> None:
    await here.signed_up("page-csrf@example.com")
    browser = await entered(here, "page-csrf@example.com")
    for path in ("/account", "/account/password", "/account/tokens", "/account/sessions/end", "/account/verification"):
        assert (await browser.post(path, data={"name": "x"})).status_code == 403, path
