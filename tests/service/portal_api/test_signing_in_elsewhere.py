"""OpenID Connect against a real issuer over HTTP: who gets in, who is linked to whom, and which answers are refused."""

from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest
from sqlalchemy import text
from tests.support.oidc_issuer import CLIENT_ID, CLIENT_SECRET, Issuer, running_issuer
from tests.support.portal import PASSWORD, Portal, portal

from portal_api.settings import IdentityProviderSettings


@pytest.fixture(scope="module")
def database_url(database: Callable[[str], str]) -> str:
    return database("portal_api")


@pytest.fixture(scope="module")
def running() -> Iterator[Issuer]:
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def issuer(running: Issuer) -> Issuer:
    running.person, running.claims, running.sign_with = {}, {}, "key"
    running.refusals.clear()
    return running


@pytest.fixture
async def here(database_url: str, issuer: Issuer) -> AsyncIterator[Portal]:
    client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    providers = (
        IdentityProviderSettings(id="acme", name="Acme", issuer=issuer.url, **client),
        IdentityProviderSettings(id="trusted", name="Company", issuer=issuer.url, trust_email=True, **client),
        IdentityProviderSettings(
            id="github", name="GitHub", kind="github", issuer=issuer.url, api_url=issuer.url, **client
        ),
        IdentityProviderSettings(id="gone", name="Gone", issuer="http://127.0.0.1:1", **client),
    )
    async with portal(database_url, identity_providers=providers) as running:
        yield running


def somebody(subject: str, email: str | None, *, verified: object = True) -> dict[str, object]:
    return {"sub": subject, "email": email, "email_verified": verified, "name": "Somebody"}


async def there_and_back(browser: httpx.AsyncClient, provider: str = "acme", path: str | None = None) -> httpx.Response:
    """Follow the browser's way: our redirect, the issuer's, and our answer to who comes back."""
    leaving = await browser.get(path or f"/sign-in/with/{provider}?next=/portal/somewhere")
    assert leaving.status_code == 303, leaving.text
    return await come_back(browser, leaving.headers["location"])


async def come_back(browser: httpx.AsyncClient, authorization_url: str) -> httpx.Response:
    async with httpx.AsyncClient() as real:
        agreed = await real.get(authorization_url)
    return await browser.get(agreed.headers["location"])


async def who(browser: httpx.AsyncClient) -> dict[str, object] | None:
    answer = await browser.get("/v1/users/me")
    return answer.json() if answer.status_code == 200 else None


async def test_a_new_person_gets_an_account_with_a_proven_address(here: Portal, issuer: Issuer) -> None:
    issuer.person = somebody("s1", "New.Person@example.com")
    browser = here.client()
    back = await there_and_back(browser)
    assert (back.status_code, back.headers["location"]) == (303, "/portal/somewhere")
    me = await who(browser)
    assert me is not None
    assert (me["email"], me["email_verified"], me["name"]) == ("new.person@example.com", True, "Somebody")
    again = here.client()
    issuer.person = somebody("s1", "other-address-now@example.com", verified=False)
    await there_and_back(again)
    assert (await who(again) or {})["id"] == me["id"], "the subject counts, not the address"
    assert await here.mails_to("new.person@example.com") == [], "nothing to confirm"


async def test_a_proven_account_is_linked_and_its_owner_told(here: Portal, issuer: Issuer) -> None:
    await here.verified("linked@example.com")
    issuer.person = somebody("s2", "linked@example.com")
    browser = here.client()
    await there_and_back(browser)
    assert (await who(browser) or {})["email"] == "linked@example.com"
    assert (await here.mails_to("linked@example.com"))[0].subject == "Acme can now sign you in"
    linked = (await browser.get("/v1/users/me/identities")).json()["data"]
    assert [(row["provider"], row["email"]) for row in linked] == [("acme", "linked@example.com")]


async def test_an_account_that_was_never_confirmed_is_not_handed_over(here: Portal, issuer: Issuer) -> None:
    """A stranger may have made it and be waiting inside: only the mailbox decides."""
    stranger = await here.signed_up("victim@example.com")
    issuer.person = somebody("s3", "victim@example.com")
    browser = here.client()
    back = await there_and_back(browser)
    assert back.headers["location"] == "/sign-in?problem=account-not-confirmed"
    assert await who(browser) is None
    # Beside the one that asks the stranger for a confirmation: both were due, and arrive in any order.
    mails = await here.mails_to("victim@example.com")
    assert {mail.subject for mail in mails} == {"Choose a new password", "Confirm your e-mail address"}
    token = await here.link_to("victim@example.com", "/reset-password")
    done = await here.client().post("/v1/password-resets/confirm", json={"token": token, "password": "my own phrase"})
    assert done.status_code == 204
    assert (await stranger.get("/v1/users/me")).status_code == 401, "the stranger is out"
    await there_and_back(browser)
    assert (await who(browser) or {})["email"] == "victim@example.com"


@pytest.mark.parametrize("verified", [False, None, "true", 1])
async def test_an_address_that_the_provider_does_not_vouch_for_opens_nothing(
    here: Portal, issuer: Issuer, verified: object
) -> None:
    issuer.person = somebody("s4", "unvouched@example.com", verified=verified)
    browser = here.client()
    back = await there_and_back(browser)
    assert back.headers["location"] == "/sign-in?problem=provider-email-not-verified"
    assert await who(browser) is None


async def test_the_operator_can_vouch_for_a_companys_issuer(here: Portal, issuer: Issuer) -> None:
    issuer.person = somebody("s5", "employee@example.com", verified=None)
    browser = here.client()
    await there_and_back(browser, "trusted")
    assert (await who(browser) or {})["email_verified"] is True


async def test_github_gives_the_primary_verified_address(here: Portal, issuer: Issuer) -> None:
    emails = [
        {"email": "not-this@example.com", "primary": False, "verified": True},
        {"email": "octo@example.com", "primary": True, "verified": True},
    ]
    issuer.person = {"id": 583231, "login": "octo", "name": None, "emails": emails}
    browser = here.client()
    await there_and_back(browser, "github")
    me = await who(browser)
    assert me is not None and (me["email"], me["name"]) == ("octo@example.com", "octo")


@pytest.mark.parametrize(
    "lie",
    [
        {"iss": "http://other.test"},
        {"aud": "another-client"},
        {"aud": [CLIENT_ID, "another-client"]},
        {"azp": "another-client"},
        {"nonce": "not the one sent"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
    ],
    ids=str,
)
async def test_a_wrong_id_token_is_refused(here: Portal, issuer: Issuer, lie: dict[str, object]) -> None:
    issuer.person = somebody("s6", "liar@example.com")
    issuer.claims = lie
    browser = here.client()
    back = await there_and_back(browser)
    assert back.headers["location"] == "/sign-in?problem=provider-refused"
    assert await who(browser) is None


@pytest.mark.parametrize("sign_with", ["none", "another key", "public key as secret"])
async def test_a_forged_id_token_is_refused(here: Portal, issuer: Issuer, sign_with: str) -> None:
    issuer.person = somebody("s7", "forger@example.com")
    issuer.sign_with = sign_with
    browser = here.client()
    back = await there_and_back(browser)
    assert back.headers["location"] == "/sign-in?problem=provider-refused"
    assert await who(browser) is None


async def test_new_keys_of_the_issuer_are_fetched(here: Portal, issuer: Issuer) -> None:
    issuer.person = somebody("s8", "rotated@example.com")
    await there_and_back(here.client())
    issuer.rotate()
    browser = here.client()
    await there_and_back(browser)
    assert (await who(browser) or {})["email"] == "rotated@example.com"


async def test_a_return_works_once_and_only_in_the_browser_that_left(here: Portal, issuer: Issuer) -> None:
    issuer.person = somebody("s9", "once@example.com")
    victim, attacker = here.client(), here.client()
    leaving = await attacker.get("/sign-in/with/acme")
    async with httpx.AsyncClient() as real:
        back = (await real.get(leaving.headers["location"])).headers["location"]
    forced = await victim.get(back)
    assert forced.headers["location"] == "/sign-in?problem=sign-in-expired", "login CSRF"
    assert await who(victim) is None
    repeated = await attacker.get(back)
    assert repeated.headers["location"] == "/sign-in?problem=sign-in-expired"
    assert issuer.refusals == [], "the code was never sent on"


async def test_what_is_sent_to_the_issuer_is_bound_by_pkce(here: Portal, issuer: Issuer) -> None:
    leaving = await here.client().get("/sign-in/with/acme")
    asked = httpx.URL(leaving.headers["location"]).params
    assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43
    assert asked["scope"] == "openid email profile" and asked["nonce"] and len(asked["state"]) >= 40
    assert asked["redirect_uri"] == "http://portal.test/sign-in/with/acme/callback"


@pytest.mark.parametrize("target", ["//evil.test/", "https://evil.test/", "/\\evil.test"])
async def test_a_sign_in_never_leads_elsewhere(here: Portal, issuer: Issuer, target: str) -> None:
    issuer.person = somebody("s10", "led@example.com")
    browser = here.client()
    back = await there_and_back(browser, path=str(httpx.URL("/sign-in/with/acme", params={"next": target})))
    assert back.headers["location"] == "/"


async def test_an_issuer_that_is_away_is_named(here: Portal) -> None:
    answer = await here.client().get("/sign-in/with/gone")
    assert answer.headers["location"] == "/sign-in?problem=provider-unreachable"
    unknown = await here.client().get("/sign-in/with/nobody")
    assert unknown.headers["location"] == "/sign-in?problem=provider-not-found"
    listed = (await here.client().get("/v1/sign-in-providers")).json()["data"]
    assert [row["id"] for row in listed] == ["acme", "trusted", "github", "gone"]


async def test_i_add_and_take_away_ways_to_sign_in(here: Portal, issuer: Issuer) -> None:
    await here.verified("adder@example.com")
    browser = await here.browser("adder@example.com")
    issuer.person = somebody("s11", "private-address@example.com", verified=False)
    begun = await browser.post("/v1/users/me/identities/acme")
    assert begun.status_code == 200, begun.text
    back = await come_back(browser, begun.json()["authorization_url"])
    assert back.headers["location"] == "/profile"
    (row,) = (await browser.get("/v1/users/me/identities")).json()["data"]
    other = here.client()
    await there_and_back(other)
    assert (await who(other) or {})["email"] == "adder@example.com"
    browser = await here.browser("adder@example.com")
    assert (await browser.delete(f"/v1/users/me/identities/{row['id']}")).status_code == 204
    assert (await browser.delete(f"/v1/users/me/identities/{row['id']}")).status_code == 404


async def test_linking_needs_a_confirmed_address_and_the_last_way_in_stays(here: Portal, issuer: Issuer) -> None:
    await here.signed_up("unproven@example.com")
    browser = await here.browser("unproven@example.com")
    refused = await browser.post("/v1/users/me/identities/acme")
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (403, "email-not-verified")
    issuer.person = somebody("s12", "only-elsewhere@example.com")
    elsewhere = here.client()
    await there_and_back(elsewhere)
    csrf = (await elsewhere.get("/v1/sessions/current")).json()["csrf_token"]
    (row,) = (await elsewhere.get("/v1/users/me/identities")).json()["data"]
    last = await elsewhere.delete(f"/v1/users/me/identities/{row['id']}", headers={"X-CSRF-Token": csrf})
    assert (last.status_code, last.json()["type"].rpartition("/")[2]) == (409, "last-sign-in")
    password = await here.client().post(
        "/v1/sessions", json={"email": "only-elsewhere@example.com", "password": PASSWORD}
    )
    assert password.status_code == 401


async def test_one_person_elsewhere_is_one_user_here(here: Portal, issuer: Issuer) -> None:
    issuer.person = somebody("s13", "first-owner@example.com")
    await there_and_back(here.client())
    await here.verified("second-owner@example.com")
    browser = await here.browser("second-owner@example.com")
    begun = (await browser.post("/v1/users/me/identities/acme")).json()
    back = await come_back(browser, begun["authorization_url"])
    assert back.headers["location"] == "/sign-in?problem=identity-linked-elsewhere"
    async with here.service.engine.begin() as connection:
        rows = await connection.execute(text("select count(*) from external_identities where subject = 's13'"))
        assert rows.scalar_one() == 1
