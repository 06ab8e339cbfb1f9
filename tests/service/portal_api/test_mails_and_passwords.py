"""Links by mail over a real SMTP server: an address is confirmed, a password reset, and nothing is given away."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from sqlalchemy import text
from tests.support.portal import PASSWORD, Portal, portal

from portal_api.mail.domain.mail import WAITS

NEW = "another calm green tree"


@pytest.fixture(scope="module")
def database_url(database: Callable[[str], str]) -> str:
    return database("portal_api")


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Portal]:
    async with portal(database_url) as running:
        yield running


async def sql(here: Portal, statement: str, **values: object) -> list[tuple[object, ...]]:
    async with here.service.engine.begin() as connection:
        result = await connection.execute(text(statement), values)
        return [tuple(row) for row in result] if result.returns_rows else []


async def test_signing_up_sends_a_link_that_confirms_the_address_once(here: Portal) -> None:
    client = await here.signed_up("ada@example.com")
    assert (await client.get("/v1/users/me")).json()["email_verified"] is False
    (mail,) = await here.mails_to("ada@example.com")
    assert mail.subject == "Confirm your e-mail address"
    assert mail.sender == "Tollway <no-reply@portal.test>"
    (link,) = mail.links
    assert link.startswith("http://portal.test/verify-email?token=")
    assert link in mail.html and "Hello ada," in mail.text
    token = link.rpartition("=")[2]
    stored = await sql(here, "select token_sha256 from one_time_tokens")
    assert token not in str(stored)
    confirmed = await here.client().post("/v1/email-verifications/confirm", json={"token": token})
    assert (confirmed.status_code, confirmed.json()["email_verified"]) == (200, True)
    again = await here.client().post("/v1/email-verifications/confirm", json={"token": token})
    assert (again.status_code, again.json()["type"]) == (422, "http://portal.test/problems/link-not-valid")


async def test_only_the_newest_confirmation_link_works(here: Portal) -> None:
    client = await here.signed_up("newest@example.com")
    first = await here.link_to("newest@example.com")
    assert (await client.post("/v1/email-verifications")).status_code == 202
    second = await here.link_to("newest@example.com")
    assert first != second
    assert (await client.post("/v1/email-verifications/confirm", json={"token": first})).status_code == 422
    assert (await client.post("/v1/email-verifications/confirm", json={"token": second})).status_code == 200
    assert (await client.post("/v1/email-verifications")).status_code == 202
    assert len(await here.mails_to("newest@example.com")) == 2, "nothing to confirm, nothing sent"


async def test_a_reset_link_sets_the_password_and_ends_all_sessions(here: Portal) -> None:
    await here.verified("reset@example.com")
    browser = await here.browser("reset@example.com")
    assert (await here.client().post("/v1/password-resets", json={"email": "Reset@Example.com"})).status_code == 202
    token = await here.link_to("reset@example.com", "reset-password")
    weak = await here.client().post("/v1/password-resets/confirm", json={"token": token, "password": "password123"})
    assert (weak.status_code, weak.json()["field"]) == (422, "password")
    done = await here.client().post("/v1/password-resets/confirm", json={"token": token, "password": NEW})
    assert done.status_code == 204, done.text
    assert (await browser.get("/v1/users/me")).status_code == 401
    old = await here.client().post("/v1/sessions", json={"email": "reset@example.com", "password": PASSWORD})
    assert old.status_code == 401
    await here.browser("reset@example.com", NEW)
    assert (await here.mails_to("reset@example.com"))[0].subject == "Your password was changed"
    twice = await here.client().post("/v1/password-resets/confirm", json={"token": token, "password": NEW + "!"})
    assert twice.status_code == 422


@pytest.mark.parametrize("confirmed", [True, False])
async def test_tokens_survive_a_reset_only_where_the_address_was_proven_before(here: Portal, confirmed: bool) -> None:
    """Whoever signed up with somebody else's address must not keep a way in."""
    email = f"tokens-{confirmed}@example.com".lower()
    client = await (here.verified if confirmed else here.signed_up)(email)
    await here.client().post("/v1/password-resets", json={"email": email})
    body = {"token": await here.link_to(email, "reset-password"), "password": NEW}
    assert (await here.client().post("/v1/password-resets/confirm", json=body)).status_code == 204
    assert (await client.get("/v1/users/me")).status_code == (200 if confirmed else 401)
    browser = await here.browser(email, NEW)
    assert (await browser.get("/v1/users/me")).json()["email_verified"] is True


async def test_asking_for_a_reset_answers_the_same_for_a_stranger(here: Portal) -> None:
    await here.signed_up("known@example.com")
    known = await here.client().post("/v1/password-resets", json={"email": "known@example.com"})
    unknown = await here.client().post("/v1/password-resets", json={"email": "nobody@example.com"})
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert [m.subject for m in await here.mails_to("nobody@example.com")] == ["No account with this e-mail address"]


async def test_an_expired_link_opens_nothing(here: Portal) -> None:
    await here.signed_up("late@example.com")
    await here.client().post("/v1/password-resets", json={"email": "late@example.com"})
    token = await here.link_to("late@example.com", "reset-password")
    await sql(here, "update one_time_tokens set expires_at = now() - interval '1 second'")
    late = await here.client().post("/v1/password-resets/confirm", json={"token": token, "password": NEW})
    assert late.status_code == 422


async def test_mails_for_one_address_are_limited_without_telling(here: Portal) -> None:
    await here.signed_up("flooded@example.com")
    answers = [await here.client().post("/v1/password-resets", json={"email": "flooded@example.com"}) for _ in range(9)]
    assert {answer.status_code for answer in answers} == {202}
    mails = await here.mails_to("flooded@example.com")
    assert len([m for m in mails if m.subject == "Choose a new password"]) == 5


async def test_changing_the_password_needs_the_old_one_and_ends_other_sessions(here: Portal) -> None:
    await here.verified("change@example.com")
    mine, other = await here.browser("change@example.com"), await here.browser("change@example.com")
    wrong = await mine.put("/v1/users/me/password", json={"current_password": "not this one", "new_password": NEW})
    assert (wrong.status_code, wrong.json()["field"]) == (403, "current_password")
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert (await mine.put("/v1/users/me/password", json=body)).status_code == 204
    assert (await mine.get("/v1/users/me")).status_code == 200
    assert (await other.get("/v1/users/me")).status_code == 401


async def test_a_new_address_becomes_mine_when_its_mail_is_read(here: Portal) -> None:
    await here.verified("before@example.com")
    browser = await here.browser("before@example.com")
    body = {"email": "after@example.com", "password": PASSWORD}
    assert (await browser.post("/v1/users/me/email", json=body)).status_code == 202
    assert (await browser.get("/v1/users/me")).json()["email"] == "before@example.com"
    token = await here.link_to("after@example.com")
    changed = await here.client().post("/v1/email-verifications/confirm", json={"token": token})
    assert changed.json()["email"] == "after@example.com"
    assert (await here.mails_to("before@example.com"))[0].subject == "Your e-mail address was changed"
    versions = await sql(here, "select convert_from(payload, 'utf8') from outbox where topic = 'identity.developers'")
    assert any('"after@example.com"' in str(row[0]) and '"version":2' in str(row[0]) for row in versions)


async def test_somebody_elses_address_is_neither_taken_nor_told(here: Portal) -> None:
    await here.signed_up("owner-of-it@example.com")
    await here.verified("wants-it@example.com")
    browser = await here.browser("wants-it@example.com")
    sent = len(await here.mails_to("owner-of-it@example.com"))
    answers = [
        await browser.post("/v1/users/me/email", json={"email": email, "password": PASSWORD})
        for email in ("owner-of-it@example.com", "free-address@example.com")
    ]
    assert [(answer.status_code, answer.content) for answer in answers] == [(202, answers[0].content)] * 2
    assert len(await here.mails_to("owner-of-it@example.com")) == sent


async def test_a_mail_waits_while_the_server_says_later_and_is_given_up_when_it_says_never(here: Portal) -> None:
    here.mailbox.refused = {"busy@example.com": 450, "gone@example.com": 550}
    await here.signed_up("busy@example.com")
    await here.signed_up("gone@example.com")
    assert await here.mails_to("busy@example.com") == []
    rows = await sql(
        here, "select recipient, status, attempts, sealed is null, last_error from mails order by recipient"
    )
    states = {row[0]: row[1:] for row in rows}
    assert states["busy@example.com"][:3] == ("pending", 1, False)
    assert states["gone@example.com"][:3] == ("failed", 1, True)
    assert "550" in str(states["gone@example.com"][3])
    here.mailbox.refused = {}
    await sql(here, "update mails set next_attempt_at = now() where status = 'pending'")
    assert len(await here.mails_to("busy@example.com")) == 1


async def test_an_unreachable_server_loses_nothing(database_url: str) -> None:
    async with portal(database_url, smtp_port=1) as away:
        await away.signed_up("away@example.com")
        assert await away.mails_to("away@example.com") == []
    async with portal(database_url) as back:
        await sql(back, "update mails set next_attempt_at = now() where recipient = 'away@example.com'")
        assert len(await back.mails_to("away@example.com")) == 1


async def test_trying_ends_when_the_link_would_be_dead(here: Portal) -> None:
    here.mailbox.refused = {"dead@example.com": 450}
    await here.signed_up("dead@example.com")
    await here.mails_to("dead@example.com")
    for _ in WAITS:
        await sql(here, "update mails set next_attempt_at = now() where recipient = 'dead@example.com'")
        await here.mails_to("dead@example.com")
    status = await sql(here, "select status, attempts from mails where recipient = 'dead@example.com'")
    assert status == [("failed", len(WAITS) + 1)]
    assert sum(WAITS, timedelta()) < timedelta(days=2)


async def test_two_senders_send_each_mail_once(here: Portal) -> None:
    import asyncio

    for number in range(8):
        await here.signed_up(f"once-{number}@example.com")
    while sum(await asyncio.gather(*(here.service.deliveries.deliver_due() for _ in range(3)))):
        pass
    for number in range(8):
        assert len(here.mailbox.newest(f"once-{number}@example.com")) == 1


async def test_a_name_cannot_write_into_the_mail(here: Portal) -> None:
    body = {"email": "evil@example.com", "password": PASSWORD, "name": "Eve\r\nBcc: all@example.com\n\n<b>Click</b>"}
    assert (await here.client().post("/v1/users", json=body)).status_code == 201
    (mail,) = await here.mails_to("evil@example.com")
    assert "&lt;b&gt;Click" in mail.html and "<b>Click" not in mail.html
    assert mail.subject == "Confirm your e-mail address"
    assert here.mailbox.newest("all@example.com") == []
