"""A lost read model or a lost Kafka: every present state is published again, as it is, and never after a newer one."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.support.containers import DatabaseFactory
from tests.support.eventually import eventually
from tests.support.portal import CONTRACT, UNIT_PLAN, Portal, created, portal, provider_with_api

from portal_api.main import build_republication
from portal_api.republish import republish
from shared.events.catalog import ApiState, PlanState
from shared.events.envelope import State, decode
from shared.events.identity import CredentialState, DeveloperState, SigningKeyState

TOPICS: dict[str, type[State]] = {
    "catalog.apis": ApiState,
    "catalog.plans": PlanState,
    "identity.developers": DeveloperState,
    "identity.credentials": CredentialState,
    "identity.signing-keys": SigningKeyState,
}
Records = dict[tuple[str, str], list[State]]


class Bus:
    """The portal's state topics, read on from where the last reading ended."""

    def __init__(self, consumer: AIOKafkaConsumer, prefix: str, engine: AsyncEngine) -> None:
        self._consumer = consumer
        self._prefix = prefix
        self._engine = engine

    async def read(self, enough: Callable[[Records], bool]) -> Records:
        """What was published since, once it is `enough` and the outbox is empty."""
        records: Records = defaultdict(list)

        async def read_all() -> bool:
            waiting = await outbox_rows(self._engine)
            found = await self._consumer.getmany(timeout_ms=500)
            for record in (one for batch in found.values() for one in batch):
                name = record.topic.removeprefix(self._prefix)
                records[name, record.key.decode()].append(decode(record.value, TOPICS[name]))
            return not waiting and not found and enough(records)

        await eventually(read_all, timeout_seconds=40, message="the outbox is on the bus")
        return dict(records)


async def test_every_state_is_published_again_with_equal_content(
    database: DatabaseFactory, kafka_bootstrap: str, topic_prefix: str
) -> None:
    async with (
        portal(database("portal_api"), kafka=kafka_bootstrap, topic_prefix=topic_prefix) as here,
        AIOKafkaConsumer(
            *(topic_prefix + name for name in TOPICS),
            bootstrap_servers=kafka_bootstrap,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        ) as consumer,
        asyncio.TaskGroup() as group,
    ):
        relay = group.create_task(_run(here.service.runners[1]))
        wanted = await make_entities(here)
        bus = Bus(consumer, topic_prefix, here.service.engine)
        before = await bus.read(lambda records: counts(records) == wanted)
        assert {key: max(state.version for state in states) for key, states in before.items()} == {
            key: states[-1].version for key, states in before.items()
        }
        # Several pages of most kinds, the last of them full for some.
        queued = await republish(build_republication(here.settings), page=2)
        assert queued == {
            "signing keys": 2,
            "developers": 2,
            "plans": 3,
            "APIs": 3,
            "OAuth2 clients": 3,
            "API keys": 2,
            "usage totals": 0,
        }
        after = await bus.read(lambda records: records.keys() == before.keys())
        assert after == {key: [states[-1]] for key, states in before.items()}
        relay.cancel()


async def test_republishing_waits_for_a_writer_and_publishes_what_it_wrote(database: DatabaseFactory) -> None:
    """No relay runs: what is queued is seen in the outbox."""
    async with portal(database("portal_api_locks")) as here:
        client = await here.signed_up("writer@example.com")
        ids = await provider_with_api(client, "Busy")
        mine = await application_of(client, ids["organization"])
        oauth_client = await created(await client.post(f"{mine}/oauth-clients", json={}))
        api_key = await created(await client.post(f"{mine}/api-keys", json={}))
        writes = {
            "APIs": ("update apis set state_version = 9 where id = :id", ids["api"]),
            "plans": ("update plans set state_version = 9 where id = :id", ids["plan"]),
            "developers": ("update users set name = 'Newer' where email = :id", "writer@example.com"),
            "OAuth2 clients": ("update oauth_clients set version = 9 where id = :id", oauth_client["client_id"]),
            "API keys": ("update api_keys set version = 9 where id = :id", api_key["id"]),
        }
        engine = here.service.engine
        for kind, (statement, key) in writes.items():
            republication = build_republication(here.settings)
            pages = dict(republication.kinds)

            async def publish_page(page: Any = pages[kind], republication: Any = republication) -> None:
                async with republication.uow.transaction() as session:
                    await page(session, after="", limit=10)

            try:
                async with asyncio.TaskGroup() as group:
                    async with engine.begin() as writer:
                        await writer.execute(text("delete from outbox"))
                        await writer.execute(text(statement), {"id": key})
                        waiting = group.create_task(publish_page())
                        await eventually(
                            lambda: lock_waits(engine), timeout_seconds=20, message=f"republishing {kind} waits"
                        )
                    await waiting
            finally:
                await republication.engine.dispose()
            payloads = await outbox_rows(engine)
            assert len(payloads) == 1 and (b'"version":9' in payloads[0] or b'"Newer"' in payloads[0]), payloads


async def make_entities(here: Portal) -> dict[str, int]:
    """Some of each kind, changed and ended ones among them; how many records of each topic that makes."""
    client, developer = [await here.signed_up(email) for email in ("owner@example.com", "developer@example.com")]
    ids = await provider_with_api(client, "Republished")
    plans = f"/v1/organizations/{ids['organization']}/plans"
    tiers = {"unit_amount_decimal": "0.0250", "name": "Half a cent and more"}
    deleted = await created(await client.post(plans, json={**UNIT_PLAN, **tiers}))
    free = {"name": "Free", "pricing_model": "free", "rate_limit": {"count": 5, "unit": "minute"}}
    await created(await client.post(plans, json=free))
    changed = await client.patch(f"/v1/plans/{ids['plan']}", json={"unit_amount_decimal": "3.5"})
    assert changed.status_code == 200, changed.text
    assert (await client.delete(f"/v1/plans/{deleted['id']}")).status_code == 204
    apis = f"/v1/organizations/{ids['organization']}/projects/{ids['project']}/apis"
    for version in ("2", "3"):
        await created(await client.post(apis, json={"openapi": {"document": CONTRACT}, "version": version}))
    await created(await client.post(f"/v1/apis/{ids['api']}/deployments", json={}))
    promotion = {"use_development_endpoint_configuration": True}
    await created(await client.post(f"/v1/apis/{ids['api']}/promotions", json=promotion))
    mine = await application_of(developer, ids["organization"])
    clients = [await created(await developer.post(f"{mine}/oauth-clients", json={})) for _ in range(3)]
    keys = [await created(await developer.post(f"{mine}/api-keys", json={})) for _ in range(2)]
    for path in (f"{mine}/oauth-clients/{clients[1]['client_id']}", f"{mine}/api-keys/{keys[0]['id']}"):
        assert (await developer.delete(path)).status_code in (200, 204)
    async with here.service.uow.transaction() as session:
        await here.service.server.ensure_signing_key(session)
    async with here.service.uow.transaction() as session:
        await here.service.server.rotate_signing_key(session)
    return {
        "catalog.apis": 3 + 2,
        "catalog.plans": 3 + 2,
        "identity.developers": 2,
        "identity.credentials": 5 + 2,
        "identity.signing-keys": 2 + 1,
    }


async def application_of(client: httpx.AsyncClient, organization: str) -> str:
    """The path of a new application."""
    path = f"/v1/portal/{organization}/applications"
    application = await created(await client.post(path, json={"name": "Reading List App"}))
    return f"/v1/applications/{application['id']}"


def counts(records: Records) -> dict[str, int]:
    """Records of each topic."""
    totals = dict.fromkeys(TOPICS, 0)
    for (topic, _), states in records.items():
        totals[topic] += len(states)
    return totals


async def outbox_rows(engine: AsyncEngine) -> list[bytes]:
    """Payloads that wait."""
    async with engine.connect() as connection:
        return list(await connection.scalars(text("select payload from outbox order by id")))


async def lock_waits(engine: AsyncEngine) -> bool:
    """Whether republishing stands before a lock."""
    async with engine.connect() as connection:
        count = await connection.scalar(
            text(
                "select count(*) from pg_stat_activity where datname = current_database()"
                " and application_name = 'portal-api-republish' and wait_event_type = 'Lock'"
            )
        )
    return bool(count)


async def _run(runner: Callable[[], Awaitable[None]]) -> None:
    await runner()
