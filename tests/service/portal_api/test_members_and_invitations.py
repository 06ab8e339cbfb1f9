"""How people get into an organization, what their role lets them do, and how they leave."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from sqlalchemy import text
from tests.support.portal import PASSWORD, Portal, created, portal, provider_with_api


@pytest.fixture(scope="module")
def database_url(database: Callable[[str], str]) -> str:
    return database("portal_api")


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Portal]:
    async with portal(database_url) as running:
        yield running


async def organization(admin: httpx.AsyncClient, name: str) -> str:
    terms = {"privacy_policy_accepted": True, "terms_accepted": True}
    return str((await created(await admin.post("/v1/organizations", json={"name": name, **terms})))["id"])


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


async def test_an_invitation_by_mail_makes_a_member_and_confirms_the_address(here: Portal) -> None:
    admin = await here.verified("inviter@example.com")
    org = await organization(admin, "Inviting Organization")
    path = f"/v1/organizations/{org}/invitations"
    await created(await admin.post(path, json={"email": "Guest@Example.com", "role": "viewer"}))
    (mail,) = await here.mails_to("guest@example.com")
    assert mail.subject == "inviter invites you to Inviting Organization"
    token = mail.links[0].rpartition("=")[2]
    offer = await created(await here.client().post("/v1/invitations/look-up", json={"token": token}), 200)
    assert (offer["organization"], offer["role"]) == ("Inviting Organization", "viewer")
    guest = await here.signed_up("guest@example.com")
    joined = await created(await guest.post("/v1/invitations/accept", json={"token": token}), 200)
    assert (joined["id"], joined["role"]) == (org, "viewer")
    assert (await guest.get("/v1/users/me")).json()["email_verified"] is True
    members = (await guest.get(f"/v1/organizations/{org}/members")).json()["data"]
    assert {(member["email"], member["role"]) for member in members} == {
        ("inviter@example.com", "admin"), ("guest@example.com", "viewer")
    }  # fmt: skip
    assert problem(await guest.post("/v1/invitations/accept", json={"token": token})) == (422, "link-not-valid")
    assert (await admin.get(path)).json()["data"] == []


async def test_only_the_invited_address_can_accept(here: Portal) -> None:
    admin = await here.verified("strict@example.com")
    org = await organization(admin, "Strict Organization")
    await created(
        await admin.post(f"/v1/organizations/{org}/invitations", json={"email": "for@example.com", "role": "admin"})
    )
    token = await here.link_to("for@example.com", "/invitations/accept")
    other = await here.signed_up("thief@example.com")
    refused = await other.post("/v1/invitations/accept", json={"token": token})
    assert problem(refused) == (403, "invitation-for-another")
    assert (await other.get(f"/v1/organizations/{org}")).status_code == 404


async def test_inviting_needs_a_confirmed_address(here: Portal) -> None:
    admin = await here.signed_up("unconfirmed@example.com")
    org = await organization(admin, "Unconfirmed Organization")
    path = f"/v1/organizations/{org}/invitations"
    refused = await admin.post(path, json={"email": "x@example.com", "role": "viewer"})
    assert problem(refused) == (403, "email-not-verified")
    assert await here.mails_to("x@example.com") == []


async def test_revoked_declined_expired_and_replaced_invitations_open_nothing(here: Portal) -> None:
    admin = await here.verified("fickle@example.com")
    org = await organization(admin, "Fickle Organization")
    path = f"/v1/organizations/{org}/invitations"
    guest = await here.signed_up("perhaps@example.com")
    body = {"email": "perhaps@example.com", "role": "publisher"}

    async def invite() -> tuple[str, str]:
        row = await created(await admin.post(path, json=body))
        return row["id"], await here.link_to("perhaps@example.com", "/invitations/accept")

    async def accept(token: str) -> tuple[int, str]:
        return problem(await guest.post("/v1/invitations/accept", json={"token": token}))

    _, replaced = await invite()
    newest, revoked = await invite()
    assert await accept(replaced) == (422, "link-not-valid")
    assert [row["id"] for row in (await admin.get(path)).json()["data"]] == [newest]
    assert (await admin.delete(f"{path}/{newest}")).status_code == 204
    assert await accept(revoked) == (422, "link-not-valid")
    assert problem(await admin.delete(f"{path}/{newest}")) == (404, "invitation-not-found")
    _, declined = await invite()
    assert (await here.client().post("/v1/invitations/decline", json={"token": declined})).status_code == 204
    assert await accept(declined) == (422, "link-not-valid")
    _, expired = await invite()
    async with here.service.engine.begin() as connection:
        await connection.execute(text("update invitations set expires_at = now() - interval '1 minute'"))
    assert await accept(expired) == (422, "link-not-valid")
    assert [row["status"] for row in (await admin.get(path)).json()["data"]] == ["expired"]


async def test_the_last_admin_neither_leaves_nor_steps_down(here: Portal) -> None:
    admin = await here.verified("captain@example.com")
    org = await organization(admin, "Lonely Organization")
    base = f"/v1/organizations/{org}"
    me = (await admin.get("/v1/users/me")).json()["id"]
    assert problem(await admin.delete(f"{base}/members/{me}")) == (409, "last-admin")
    assert problem(await admin.patch(f"{base}/members/{me}", json={"role": "viewer"})) == (409, "last-admin")
    mate = await here.signed_up("mate@example.com")
    await here.join(admin, org, mate, "publisher")
    mate_id = (await mate.get("/v1/users/me")).json()["id"]
    await created(await admin.patch(f"{base}/members/{mate_id}", json={"role": "admin"}), 200)
    assert (await admin.delete(f"{base}/members/{me}")).status_code == 204
    assert (await admin.get(base)).status_code == 404
    assert problem(await mate.delete(f"{base}/members/{mate_id}")) == (409, "last-admin")


async def test_two_admins_who_leave_at_once_leave_one_behind(here: Portal) -> None:
    import asyncio

    one, two = await here.verified("one@example.com"), await here.verified("two@example.com")
    org = await organization(one, "Racing Organization")
    await here.join(one, org, two, "admin")
    ids = [(await client.get("/v1/users/me")).json()["id"] for client in (one, two)]
    answers = await asyncio.gather(
        *(client.delete(f"/v1/organizations/{org}/members/{id_}") for client, id_ in zip((one, two), ids, strict=True))
    )
    assert sorted(answer.status_code for answer in answers) == [204, 409]


async def test_an_organization_is_handed_over_in_one_step(here: Portal) -> None:
    old, new = await here.verified("old-boss@example.com"), await here.signed_up("new-boss@example.com")
    org = await organization(old, "Handed Organization")
    base = f"/v1/organizations/{org}"
    me = (await old.get("/v1/users/me")).json()["id"]
    new_id = (await new.get("/v1/users/me")).json()["id"]
    assert (await old.post(f"{base}/transfer", json={"user_id": new_id})).status_code == 404
    await here.join(old, org, new, "viewer")
    assert problem(await old.post(f"{base}/transfer", json={"user_id": me})) == (422, "transfer-to-oneself")
    await created(await old.post(f"{base}/transfer", json={"user_id": new_id}), 200)
    roles = {row["email"]: row["role"] for row in (await new.get(f"{base}/members")).json()["data"]}
    assert roles == {"old-boss@example.com": "publisher", "new-boss@example.com": "admin"}


async def test_a_publisher_leaves_but_removes_nobody(here: Portal) -> None:
    admin = await here.verified("chief@example.com")
    ids = await provider_with_api(admin, "Leaving Organization")
    base = f"/v1/organizations/{ids['organization']}"
    publisher = await here.signed_up("leaver@example.com")
    await here.join(admin, ids["organization"], publisher, "publisher")
    chief = (await admin.get("/v1/users/me")).json()["id"]
    assert problem(await publisher.delete(f"{base}/members/{chief}")) == (403, "insufficient-role")
    me = (await publisher.get("/v1/users/me")).json()["id"]
    assert (await publisher.delete(f"{base}/members/{me}")).status_code == 204
    assert (await publisher.get(f"/v1/apis/{ids['api']}")).status_code == 404


async def test_a_viewer_sees_everything_and_changes_nothing(here: Portal) -> None:
    admin = await here.verified("shower@example.com")
    ids = await provider_with_api(admin, "Shown Organization")
    viewer = await here.signed_up("looker@example.com")
    await here.join(admin, ids["organization"], viewer, "viewer")
    base = f"/v1/organizations/{ids['organization']}"
    for path in (base, f"{base}/members", f"{base}/plans", f"/v1/apis/{ids['api']}", f"/v1/plans/{ids['plan']}"):
        assert (await viewer.get(path)).status_code == 200, path
    assert problem(await viewer.patch(f"/v1/plans/{ids['plan']}", json={"name": "Mine"})) == (403, "insufficient-role")
    deploy = await viewer.post(f"/v1/apis/{ids['api']}/deployments", json={"environment": "development"})
    assert problem(deploy) == (403, "insufficient-role")


async def test_an_invited_person_without_an_account_signs_up_first(here: Portal) -> None:
    admin = await here.verified("growing@example.com")
    org = await organization(admin, "Growing Organization")
    await created(
        await admin.post(
            f"/v1/organizations/{org}/invitations", json={"email": "fresh@example.com", "role": "publisher"}
        )
    )
    token = await here.link_to("fresh@example.com", "/invitations/accept")
    assert problem(await here.client().post("/v1/invitations/accept", json={"token": token})) == (
        401, "authentication-required"
    )  # fmt: skip
    body = {"email": "fresh@example.com", "password": PASSWORD, "name": "Fresh"}
    await created(await here.client().post("/v1/users", json=body))
    browser = await here.browser("fresh@example.com")
    await created(await browser.post("/v1/invitations/accept", json={"token": token}), 200)
