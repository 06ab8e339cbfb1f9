"""The gateway on a real Kafka: tables in, calls out, revocations in time, and nothing lost when it is killed."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.service.gateway import builders
from tests.service.gateway.gateway_process import Bus, GatewayProcess
from tests.service.gateway.scripted_upstream import ScriptedUpstream
from tests.support.eventually import eventually

from shared.events.call_record import FLAG_INTENT_ONLY
from shared.events.envelope import decode
from shared.events.gateway import CallsRefused
from shared.events.topics import GATEWAY_REFUSALS, IDENTITY_CREDENTIALS, SUBSCRIPTIONS_ACCESS, USAGE_TOTALS
from shared.events.usage import UsageTotals
from shared.messaging.topics_admin import create_topics

KEY = {"X-API-Key": builders.API_KEY}


class World:
    def __init__(self, bus: Bus, gateway: GatewayProcess, upstream: ScriptedUpstream, key: builders.SigningKey) -> None:
        self.bus = bus
        self.gateway = gateway
        self.upstream = upstream
        self.key = key

    def bearer(self, **claims: object) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key.token(**claims)}"}


@pytest.fixture
async def world(kafka_bootstrap: str, tmp_path: Path) -> AsyncIterator[World]:
    bus = Bus(kafka_bootstrap, f"t{secrets.token_hex(4)}.")
    await bus.create_topics()
    upstream, key = ScriptedUpstream(), builders.SigningKey()
    await upstream.start()
    await bus.publish_everything(key, f"http://127.0.0.1:{upstream.port}")
    gateway = GatewayProcess(bus, tmp_path)
    await gateway.start()
    yield World(bus, gateway, upstream, key)
    await gateway.kill()
    await upstream.stop()


async def test_calls_are_admitted_shipped_and_the_stream_is_closed_at_the_end(world: World) -> None:
    async with httpx.AsyncClient(base_url=world.gateway.url) as client:
        assert (await client.get("/books/ok", headers=KEY)).status_code == 200
        assert (await client.get("/books/ok", headers=world.bearer())).status_code == 200
        refused = await client.get("/books/ok")
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["type"] == "http://portal.test/problems/missing-credentials"

        async def shipped() -> bool:
            return len(await world.bus.calls()) == 2

        await eventually(shipped)
        assert 'gateway_calls_total{class="2xx",fault="none"} 2.0' in await world.gateway.metrics()
    assert await world.gateway.stop() == 0
    calls = await world.bus.calls()
    assert [sequence for _, sequence in calls] == [1, 2]
    assert {stream for stream, _ in calls} == await world.bus.closed_streams()
    assert [path for path in world.gateway.directory.iterdir() if path.is_dir()] == []
    refusals = [decode(value, CallsRefused) for value in await world.bus.read(GATEWAY_REFUSALS)]
    assert [(event.reason, event.api_number, event.calls) for event in refusals] == [("missing-credentials", 7, 1)]


async def test_a_revocation_and_an_end_of_access_reach_the_worker(world: World) -> None:
    headers = world.bearer()
    async with httpx.AsyncClient(base_url=world.gateway.url, headers=headers) as client:
        assert (await client.get("/books/ok")).status_code == 200
        ended = builders.allowed(allowed=False, reason="subscription-ended")
        await world.bus.publish([(SUBSCRIPTIONS_ACCESS, "app_1/api_1", builders.access(ended, version=2))])

        async def answer(status: int) -> httpx.Response | None:
            response = await client.get("/books/ok")
            return response if response.status_code == status else None

        response = await eventually(lambda: answer(403))
        assert response.json()["type"].endswith("/problems/subscription-ended")
        await world.bus.publish(
            [
                (SUBSCRIPTIONS_ACCESS, "app_1/api_1", builders.access(builders.allowed(), version=1)),  # too old
                (SUBSCRIPTIONS_ACCESS, "app_1/api_1", builders.access(builders.allowed(), version=3)),
            ]
        )
        await eventually(lambda: answer(200))
        await world.bus.publish([(IDENTITY_CREDENTIALS, "client_1", builders.client(version=2, min_generation=2))])
        response = await eventually(lambda: answer(401))
        assert 'error="invalid_token"' in response.headers["www-authenticate"]


async def test_usage_is_told_as_soon_as_its_topic_is_there(world: World) -> None:
    """Calls do not wait for it: the topic did not exist when the gateway started."""
    async with httpx.AsyncClient(base_url=world.gateway.url, headers=world.bearer()) as client:
        assert "X-Tollway-Usage-Units" not in (await client.get("/books/ok")).headers
        await create_topics(world.bus.bootstrap, prefix=world.bus.prefix, topics=(USAGE_TOTALS,))
        totals = UsageTotals(version=1, subscription_id="sub_1", subscription_number=11, shown=True, units=5)
        await world.bus.publish([(USAGE_TOTALS, "sub_1", totals)])

        async def told() -> bool:
            return (await client.get("/books/ok")).headers.get("X-Tollway-Usage-Units") == "5"

        await eventually(told)


async def test_the_first_call_of_a_new_client_waits_for_the_tables(world: World) -> None:
    headers = world.bearer(client_id="client_new", iat=int(time.time()))
    new = builders.client()
    state = type(new)(**{name: getattr(new, name) for name in new.__struct_fields__} | {"credential_id": "client_new"})
    async with httpx.AsyncClient(base_url=world.gateway.url, headers=headers) as client:
        async with asyncio.TaskGroup() as group:
            call = group.create_task(client.get("/books/ok"))
            group.create_task(world.bus.publish([(IDENTITY_CREDENTIALS, "client_new", state)]))
        assert call.result().status_code == 200


async def test_kill_9_while_calls_flow_loses_nothing_and_ships_nothing_twice(world: World) -> None:
    answered = 0
    clients = 8
    stop = asyncio.Event()

    async def caller() -> None:
        nonlocal answered
        async with httpx.AsyncClient(base_url=world.gateway.url, headers=KEY) as client:
            while not stop.is_set():
                try:
                    response = await client.get("/books/ok")
                except httpx.TransportError:
                    await asyncio.sleep(0.02)
                    continue
                assert response.status_code == 200
                answered += 1

    kills = 3
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(caller())
        for _ in range(kills):
            before = answered
            await eventually(lambda before=before: answered >= before + 100, timeout_seconds=60)
            await world.gateway.kill()
            await world.gateway.start()
        before = answered
        await eventually(lambda: answered >= before + 20, timeout_seconds=60)
        stop.set()
    assert await world.gateway.stop() == 0
    calls = await world.bus.calls()
    complete = [call for call in calls.values() if not int(str(call[13])) & FLAG_INTENT_ONLY]
    received = len(world.upstream.received)
    assert answered <= len(complete) <= received
    assert len(calls) - answered <= clients * kills
    assert len({call[14] for call in calls.values()}) == len(calls)  # no call twice
    streams = {stream for stream, _ in calls}
    assert streams <= await world.bus.closed_streams()
    for stream in streams:
        sequences = sorted(sequence for one, sequence in calls if one == stream)
        assert sequences == list(range(1, len(sequences) + 1))  # no gap


async def test_problem_documents_are_json(world: World) -> None:
    async with httpx.AsyncClient() as client:
        response = await client.get(f"http://127.0.0.1:{world.gateway.port}/nobody/nothing/v1/x", headers=KEY)
    assert (response.status_code, json.loads(response.text)["status"]) == (404, 404)
