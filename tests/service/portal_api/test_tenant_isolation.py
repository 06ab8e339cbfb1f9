"""Made from the list of routes: every endpoint with another tenant's ids, with each role, and signed out."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx
import pytest
from tests.support.portal import Portal, created, portal, provider_with_api
from tests.support.route_access import ROUTES, Access, Endpoint, endpoints

ROLES = ("viewer", "publisher", "admin")


@pytest.fixture(scope="module")
def database_url(database: Callable[[str], str]) -> str:
    return database("portal_api")


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Portal]:
    async with portal(database_url) as running:
        yield running


@dataclass
class World:
    """Two organizations; people of each role in the first; a developer who subscribes there; strangers."""

    ids: dict[str, str]
    members: dict[str, httpx.AsyncClient]
    developer: httpx.AsyncClient
    stranger: httpx.AsyncClient
    other_admin: httpx.AsyncClient
    other_organization: str

    def url(self, endpoint: Endpoint, **changed: str) -> str:
        """The path with the ids of the first organization and its developer."""
        ids = {**self.ids, **changed}
        ids["id"] = ids["application"] if "/applications/{id}" in endpoint.path else ids["subscription"]
        return endpoint.path.format(**ids)

    def address(self, path: str) -> str:
        """A path with the organization's identifier, as pages write it."""
        return path.format(organization=self.ids["identifier"])


async def build_world(here: Portal, name: str) -> World:
    admin = await here.verified(f"{name}-admin@example.com")
    ids = await provider_with_api(admin, f"{name} First")
    members = {"admin": admin}
    for role in ("publisher", "viewer"):
        members[role] = await here.signed_up(f"{name}-{role}@example.com")
        await here.join(admin, ids["organization"], members[role], role)
    org, api = f"/v1/organizations/{ids['organization']}", f"/v1/apis/{ids['api']}"
    invitation = await created(
        await admin.post(f"{org}/invitations", json={"email": f"{name}-nobody@example.com", "role": "viewer"})
    )
    await created(await admin.post(f"{api}/deployments", json={"environment": "development"}))
    await created(await admin.post(f"{api}/promotions", json={"use_development_endpoint_configuration": True}))
    free = await created(await admin.post(f"{org}/plans", json={"name": "Free", "pricing_model": "free"}))
    await created(await admin.put(f"{api}/plans", json={"plan_ids": [free["id"]]}), 200)
    await created(await admin.post(f"{api}/lifecycle", json={"action": "publish"}), 200)
    developer = await here.signed_up(f"{name}-developer@example.com")
    portal_path = f"/v1/portal/{ids['organization']}/applications"
    application = await created(await developer.post(portal_path, json={"name": f"{name} App"}))
    base = f"/v1/applications/{application['id']}"
    client = await created(await developer.post(f"{base}/oauth-clients", json={"environment": "production"}))
    key = await created(await developer.post(f"{base}/api-keys", json={"environment": "production"}))
    wanted = {"api_id": ids["api"], "plan_id": free["id"]}
    subscription = await created(await developer.post(f"{base}/subscriptions", json=wanted), 202)
    browser = await here.browser(f"{name}-developer@example.com")
    ids |= {
        "application": application["id"],
        "client_id": client["client_id"],
        "key_id": key["id"],
        "subscription": subscription["id"],
        "invitation_id": invitation["id"],
        "user_id": (await admin.get("/v1/users/me")).json()["id"],
        "session_id": (await browser.get("/v1/sessions")).json()["data"][0]["id"],
        "token_id": (await developer.get("/v1/personal-access-tokens")).json()["data"][0]["id"],
        "identity_id": "ext_none",
        "invoice": "in_none",
        "session": "bps_none",
        "provider": "none",
        "environment": "production",
        "client": client["client_id"],
        "key": key["id"],
        "action": "revoke",
        "name": "internal-error",
        "identifier": (await admin.get(org)).json()["identifier"],
        "page": "about",
    }
    other_admin = await here.verified(f"{name}-other@example.com")
    other = await provider_with_api(other_admin, f"{name} Second")
    stranger = await here.signed_up(f"{name}-stranger@example.com")
    return World(ids, members, developer, stranger, other_admin, other["organization"])


def rows(here: Portal, *who: str) -> list[tuple[Endpoint, Access]]:
    """Routes of these kinds: what deletes comes last."""
    found = [(one, ROUTES[one.key]) for one in endpoints(here.service.app) if one.key in ROUTES]
    order = ("GET", "POST", "PUT", "PATCH", "DELETE")
    return sorted(((e, a) for e, a in found if a.who in who), key=lambda pair: order.index(pair[0].method))


async def ask(client: httpx.AsyncClient, endpoint: Endpoint, access: Access, url: str) -> httpx.Response:
    if endpoint.is_page and endpoint.method != "GET":
        return await client.request(endpoint.method, url, data=access.body or {"nothing": ""})
    return await client.request(endpoint.method, url, json=access.body, params=access.query)


async def test_who_is_signed_out_sees_only_what_is_for_anyone(here: Portal) -> None:
    world = await build_world(here, "out")
    wrong = []
    for endpoint, access in rows(here, "user", "developer", *ROLES):
        answer = await ask(here.client(), endpoint, access, world.url(endpoint))
        led_to_sign_in = answer.headers.get("location", "").startswith("/sign-in?next=")
        if not led_to_sign_in if endpoint.is_page else answer.status_code != 401:
            wrong.append((endpoint.key, answer.status_code))
    assert not wrong


async def test_another_tenants_things_do_not_exist(here: Portal) -> None:
    """For a stranger, for another organization's admin, and what is a developer's also for the provider's admin."""
    world = await build_world(here, "alien")
    wrong = []
    for endpoint, access in rows(here, "developer", *ROLES):
        aliens = {"stranger": world.stranger, "other organization's admin": world.other_admin}
        if access.who == "developer":
            aliens["the provider's admin"] = world.members["admin"]
        else:
            aliens["the developer"] = world.developer
        for name, client in aliens.items():
            answer = await ask(client, endpoint, access, world.url(endpoint))
            if answer.status_code != 404:
                wrong.append((endpoint.key, name, answer.status_code, answer.text[:200]))
    assert not wrong


async def test_another_tenants_ids_below_my_own_organization_do_not_exist(here: Portal) -> None:
    world = await build_world(here, "nested")
    wrong, checked = [], 0
    for endpoint, access in rows(here, *ROLES):
        if "{organization}/" not in endpoint.path or endpoint.path.count("{") < 2:
            continue
        if endpoint.path.endswith("/{page}"):
            continue  # about, terms, docs: every organization has its own under the same name
        url = world.url(endpoint, organization=world.other_organization)
        answer = await ask(world.other_admin, endpoint, access, url)
        checked += 1
        if answer.status_code != 404:
            wrong.append((endpoint.key, answer.status_code, answer.text[:200]))
    assert not wrong
    assert checked >= 5


async def test_each_role_may_do_what_its_row_says_and_no_more(here: Portal) -> None:
    world = await build_world(here, "role")
    wrong = []
    for endpoint, access in rows(here, *ROLES):
        needed = ROLES.index(access.who)
        for role in ROLES[:needed]:
            answer = await ask(world.members[role], endpoint, access, world.url(endpoint))
            if answer.status_code != 403 or "Your role does not allow this" not in answer.text:
                wrong.append((endpoint.key, role, answer.status_code, answer.text[:200]))
        for role in ROLES[needed:]:
            # Only reading: what changes things is allowed in the tests of its feature. A stream has no end.
            if endpoint.method == "GET" and not endpoint.path.endswith("/live"):
                answer = await ask(world.members[role], endpoint, access, world.url(endpoint))
                wanted = (303, world.address(access.leads_to)) if access.leads_to else (200, None)
                if (answer.status_code, answer.headers.get("location")) != wanted:
                    wrong.append((endpoint.key, role, answer.status_code, answer.headers.get("location")))
    assert not wrong


async def test_my_own_lists_hold_nothing_of_others(here: Portal) -> None:
    world = await build_world(here, "mine")
    hidden = [world.ids[name] for name in ("application", "subscription", "client_id", "session_id", "token_id")]
    wrong = []
    for endpoint, access in rows(here, "user"):
        if endpoint.method != "GET" and "{" not in endpoint.path.replace("{organization}", ""):
            continue
        if endpoint.path.endswith("/live"):
            continue  # a stream without end, of the page beside it
        for client in (world.stranger, world.members["admin"]):
            answer = await ask(client, endpoint, access, world.url(endpoint))
            if any(one in answer.text for one in hidden) or (endpoint.method != "GET" and answer.status_code < 400):
                wrong.append((endpoint.key, answer.status_code, answer.text[:200]))
    assert not wrong
    assert (await world.developer.get("/v1/users/me")).status_code == 200
