"""Credentials and tokens over HTTP: shown once, kept as hashes, revoked on the bus."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator

import pytest
from tests.support.containers import DatabaseFactory
from tests.support.portal_service import PUBLIC_URL, PortalService, running_portal

from portal_api.main import build
from portal_api.oauth.adapters.token_signer import InvalidToken, verify_token
from portal_api.settings import Settings
from shared.events.envelope import decode
from shared.events.identity import CredentialState, SigningKeyState
from shared.events.topics import IDENTITY_CREDENTIALS, IDENTITY_SIGNING_KEYS


@pytest.fixture(scope="module")
def database_url(database: DatabaseFactory) -> str:
    return database("portal_oauth")


@pytest.fixture
async def service(kafka_bootstrap: str, topic_prefix: str, database_url: str) -> AsyncIterator[PortalService]:
    async with running_portal(kafka_bootstrap, topic_prefix, database_url) as running:
        yield running


async def test_from_consumer_key_to_a_revoked_token(service: PortalService) -> None:
    provider, developer, stranger = [await service.user(name) for name in ("provider", "developer", "stranger")]
    accepted = {"privacy_policy_accepted": True, "terms_accepted": True}
    name = f"org {secrets.token_hex(5)}"
    organization = await provider.post("/v1/organizations", {"name": name, **accepted}, status=201)
    path = f"/v1/portal/{organization['identifier']}/applications"
    application = await developer.post(path, {"name": "Reading List App"}, status=201)
    assert application["access_token_lifetime_seconds"] == 3600
    mine = f"/v1/applications/{application['id']}"
    assert (await stranger.send("GET", mine)).status_code == 404
    changed = await developer.send("PATCH", mine, {"access_token_lifetime_seconds": 7200})
    assert changed.json()["access_token_lifetime_seconds"] == 7200
    refused = await developer.send("PATCH", mine, {"access_token_lifetime_seconds": 59})
    assert (refused.status_code, refused.json()["field"]) == (422, "access_token_lifetime_seconds")

    key = secrets.token_hex(16)
    client = await developer.post(f"{mine}/oauth-clients", {}, status=201, Idempotency_Key=key)
    again = await developer.post(f"{mine}/oauth-clients", {}, status=201, Idempotency_Key=key)
    assert again == client
    listed = await developer.get(f"{mine}/oauth-clients")
    assert [one["client_id"] for one in listed["data"]] == [client["client_id"]]
    assert "client_secret" not in str(listed)
    dump = str(await service.sql("select * from oauth_clients")) + str(await service.sql("select * from outbox"))
    assert client["client_secret"] not in dump

    form = {"grant_type": "client_credentials"}
    basic = (client["client_id"], client["client_secret"])
    answer = await service.client.post("/oauth2/token", data=form, auth=basic)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 7200)
    jwks = (await service.client.get("/.well-known/jwks.json")).json()["keys"]
    claims = verify_token(answer.json()["access_token"], jwks, issuer=PUBLIC_URL, audience=organization["id"])
    assert (claims["client_id"], claims["gen"]) == (client["client_id"], 0)
    with pytest.raises(InvalidToken):
        verify_token(answer.json()["access_token"], jwks, issuer=PUBLIC_URL, audience="org_other")

    post = {**form, "client_id": client["client_id"], "client_secret": client["client_secret"]}
    assert (await service.client.post("/oauth2/token", data=post)).status_code == 200
    wrong = await service.client.post("/oauth2/token", data={**post, "client_secret": "no"})
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert wrong.headers["www-authenticate"].startswith("Basic ")

    await developer.post(f"{mine}/oauth-clients/{client['client_id']}/revoke-tokens", status=200)
    generated = await developer.post(f"{mine}/oauth-clients/{client['client_id']}/access-tokens", status=200)
    later = verify_token(generated["access_token"], jwks, issuer=PUBLIC_URL, audience=organization["id"])
    assert later["gen"] == 1
    rotated = await developer.post(f"{mine}/oauth-clients/{client['client_id']}/rotate", status=200)
    assert (await service.client.post("/oauth2/token", data=post)).status_code == 401
    post["client_secret"] = rotated["client_secret"]
    assert (await service.client.post("/oauth2/token", data=post)).status_code == 200
    revoked = await developer.send("DELETE", f"{mine}/oauth-clients/{client['client_id']}")
    assert revoked.json()["status"] == "revoked"
    assert (await service.client.post("/oauth2/token", data=post)).status_code == 401

    records = await service.heard(IDENTITY_CREDENTIALS, client["client_id"], 4)
    states = [decode(record, CredentialState) for record in records]
    assert [(s.version, s.status, s.min_generation) for s in states] == [
        (1, "active", 0), (2, "active", 1), (3, "active", 2), (4, "revoked", 3),
    ]  # fmt: skip


async def test_api_keys_are_shown_once_and_found_by_hash(service: PortalService) -> None:
    provider, developer = await service.user("provider"), await service.user("developer")
    accepted = {"privacy_policy_accepted": True, "terms_accepted": True}
    name = f"org {secrets.token_hex(5)}"
    organization = await provider.post("/v1/organizations", {"name": name, **accepted}, status=201)
    path = f"/v1/portal/{organization['id']}/applications"
    application = await developer.post(path, {"name": "App"}, status=201)
    mine = f"/v1/applications/{application['id']}"
    live = await developer.post(f"{mine}/api-keys", {"environment": "production"}, status=201)
    test = await developer.post(f"{mine}/api-keys", {"environment": "sandbox"}, status=201)
    assert live["key"].startswith("tw_live_")
    assert test["key"].startswith("tw_test_")
    assert live["key"].startswith(live["prefix"])
    listed = str(await developer.get(f"{mine}/api-keys"))
    assert live["prefix"] in listed
    assert live["key"] not in listed
    dump = str(await service.sql("select * from api_keys"))
    assert live["key"] not in dump
    assert (await developer.send("DELETE", f"{mine}/api-keys/{live['id']}")).json()["status"] == "revoked"
    states = [decode(r, CredentialState) for r in await service.heard(IDENTITY_CREDENTIALS, live["id"], 2)]
    assert [(s.status, len(s.key_hashes)) for s in states] == [("active", 1), ("revoked", 0)]
    deleted = await developer.send("DELETE", mine)
    assert (deleted.status_code, deleted.json()["status"]) == (202, "deleted")
    assert (await developer.send("GET", mine)).status_code == 404
    assert {row[0] for row in await service.sql("select status from api_keys where id = :id", id=test["id"])} == {
        "revoked"
    }


async def test_failed_authentication_is_limited(service: PortalService) -> None:
    form = {"grant_type": "client_credentials", "client_id": f"client_{secrets.token_hex(4)}", "client_secret": "x"}
    statuses = [(await service.client.post("/oauth2/token", data=form)).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    limited = await service.client.post("/oauth2/token", data=form)
    assert int(limited.headers["retry-after"]) > 0


async def test_the_token_endpoint_takes_forms_only(service: PortalService) -> None:
    answer = await service.client.post("/oauth2/token", json={"grant_type": "client_credentials"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    large = await service.client.post("/oauth2/token", data={"grant_type": "x" * 20_000})
    assert (large.status_code, large.json()["error"]) == (400, "invalid_request")


async def test_metadata_names_what_is_there(service: PortalService) -> None:
    said = (await service.client.get("/.well-known/oauth-authorization-server")).json()
    assert said["issuer"] == PUBLIC_URL
    assert said["token_endpoint"] == f"{PUBLIC_URL}/oauth2/token"
    assert said["grant_types_supported"] == ["client_credentials"]


async def test_replicas_that_start_together_make_one_key(
    service: PortalService, kafka_bootstrap: str, topic_prefix: str, database_url: str
) -> None:
    """Four of them, each with its own pool; and a rotation leaves one active key and two that verify."""
    await service.sql("delete from signing_keys")
    settings = Settings(
        database_url=database_url,
        kafka_bootstrap_servers=kafka_bootstrap,
        kafka_topic_prefix=topic_prefix,
        encryption_key=base64.b64encode(b"0" * 32).decode(),
    )
    replicas = [build(settings) for _ in range(4)]

    async def start(number: int) -> str:
        async with replicas[number].uow.transaction() as session:
            return (await replicas[number].server.ensure_signing_key(session)).kid

    try:
        kids = await asyncio.gather(*(start(number) for number in range(4)))
    finally:
        for replica in replicas:
            await replica.engine.dispose()
    assert len(set(kids)) == 1
    async with service.portal.uow.transaction() as session:
        second = await service.portal.server.rotate_signing_key(session)
    rows = await service.sql("select kid, active from signing_keys order by active")
    assert [tuple(row) for row in rows] == [(kids[0], False), (second.kid, True)]
    jwks = (await service.client.get("/.well-known/jwks.json")).json()["keys"]
    assert {one["kid"] for one in jwks} == {kids[0], second.kid}
    record = (await service.heard(IDENTITY_SIGNING_KEYS, second.kid))[0]
    assert "d" not in decode(record, SigningKeyState).public_jwk
