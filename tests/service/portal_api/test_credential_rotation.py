"""A secret is replaced while programs still use the old one: nobody's calls fail, and the old one ends in time."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from jose import jwt
from tests.support.containers import DatabaseFactory
from tests.support.eventually import eventually
from tests.support.portal_service import Person, PortalService, running_portal

from shared.events.envelope import decode
from shared.events.identity import CredentialState
from shared.events.topics import IDENTITY_CREDENTIALS


@pytest.fixture(scope="module")
def database_url(database: DatabaseFactory) -> str:
    return database("portal_rotation")


@pytest.fixture
async def service(kafka_bootstrap: str, topic_prefix: str, database_url: str) -> AsyncIterator[PortalService]:
    async with running_portal(kafka_bootstrap, topic_prefix, database_url) as running:
        yield running


async def application(service: PortalService) -> tuple[Person, str]:
    provider, developer = await service.user("provider"), await service.user("developer")
    accepted = {"privacy_policy_accepted": True, "terms_accepted": True}
    name = f"org {secrets.token_hex(5)}"
    organization = await provider.post("/v1/organizations", {"name": name, **accepted}, status=201)
    path = f"/v1/portal/{organization['id']}/applications"
    made = await developer.post(path, {"name": "Reading List App"}, status=201)
    return developer, f"/v1/applications/{made['id']}"


async def generation(service: PortalService, client_id: str, secret: str) -> int | None:
    """Of a new token for this secret; None: refused."""
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    answer = await service.client.post("/oauth2/token", data=form)
    if answer.status_code == 401:
        return None
    assert answer.status_code == 200, answer.text
    return int(jwt.get_unverified_claims(answer.json()["access_token"])["gen"])


async def states(service: PortalService, client_id: str, count: int) -> list[CredentialState]:
    return [decode(record, CredentialState) for record in await service.heard(IDENTITY_CREDENTIALS, client_id, count)]


async def test_both_secrets_work_until_the_grace_is_over(service: PortalService) -> None:
    developer, mine = await application(service)
    client = await developer.post(f"{mine}/oauth-clients", {"environment": "sandbox"}, status=201)
    assert (client["environment"], client["last_used_at"]) == ("sandbox", None)
    path = f"{mine}/oauth-clients/{client['client_id']}"
    rotated = await developer.post(f"{path}/rotate", {"grace_seconds": 3600}, status=200)
    assert rotated["previous_secret_valid_until"] is not None
    old, new = client["client_secret"], rotated["client_secret"]
    assert await generation(service, client["client_id"], old) == 0
    assert await generation(service, client["client_id"], new) == 1
    listed: list[dict[str, Any]] = (await developer.get(f"{mine}/oauth-clients"))["data"]
    assert listed[0]["last_used_at"] is not None
    # Its time passes.
    await service.sql(
        "update oauth_clients set previous_valid_until = now() - interval '1 second' where id = :id",
        id=client["client_id"],
    )
    assert await generation(service, client["client_id"], old) is None
    said = await states(service, client["client_id"], 3)
    assert [(one.version, one.min_generation) for one in said] == [(1, 0), (2, 0), (3, 1)]
    assert await generation(service, client["client_id"], new) == 1


async def test_a_grace_can_be_ended_before_its_time(service: PortalService) -> None:
    developer, mine = await application(service)
    client = await developer.post(f"{mine}/oauth-clients", {}, status=201)
    path = f"{mine}/oauth-clients/{client['client_id']}"
    await developer.post(f"{path}/rotate", {"grace_seconds": 3600}, status=200)
    ended = await developer.send("DELETE", f"{path}/previous-secret")
    assert (ended.status_code, ended.json()["previous_secret_valid_until"]) == (200, None)
    assert await generation(service, client["client_id"], client["client_secret"]) is None
    too_long = await developer.send("POST", f"{path}/rotate", {"grace_seconds": 9_999_999})
    assert (too_long.status_code, too_long.json()["field"]) == (422, "grace_seconds")
    stranger = await service.user("stranger")
    assert (await stranger.send("DELETE", f"{path}/previous-secret")).status_code == 404


async def test_a_rotated_api_key_ends_in_time_at_the_gateway(service: PortalService) -> None:
    developer, mine = await application(service)
    key = await developer.post(f"{mine}/api-keys", {}, status=201)
    rotated = await developer.post(f"{mine}/api-keys/{key['id']}/rotate", {"grace_seconds": 60}, status=200)
    assert rotated["key"] != key["key"]
    assert rotated["key"].startswith(rotated["prefix"])
    within = (await states(service, key["id"], 2))[1].key_hashes
    assert [one.valid_until is None for one in within] == [True, False]
    await service.sql("update api_keys set previous_valid_until = now() where id = :id", id=key["id"])

    async def one_left() -> bool:
        return len((await states(service, key["id"], 3))[2].key_hashes) == 1

    await eventually(one_left)
