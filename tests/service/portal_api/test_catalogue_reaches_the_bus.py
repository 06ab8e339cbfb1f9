"""What a commit published is on Kafka: the outbox relay of the service, against a real broker."""

import asyncio
from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaConsumer
from tests.support.eventually import eventually
from tests.support.portal import portal, provider_with_api

from shared.events.catalog import ApiState, PlanState
from shared.events.envelope import State, decode
from shared.events.identity import DeveloperState

TOPICS: dict[str, type[State]] = {
    "catalog.apis": ApiState,
    "catalog.plans": PlanState,
    "identity.developers": DeveloperState,
}


async def test_states_arrive_in_order_with_growing_versions(
    database: Callable[[str], str], kafka_bootstrap: str, topic_prefix: str
) -> None:
    async with (
        portal(database("portal_api"), kafka=kafka_bootstrap, topic_prefix=topic_prefix) as here,
        asyncio.TaskGroup() as group,
    ):
        relay = here.service.runners[1]
        running = group.create_task(_run(relay))
        client = await here.signed_up("bus@example.com")
        ids = await provider_with_api(client, "On The Bus")
        for _ in range(3):
            answer = await client.post(f"/v1/apis/{ids['api']}/deployments", json={})
            assert answer.status_code == 201
        consumer = AIOKafkaConsumer(
            *(topic_prefix + name for name in TOPICS),
            bootstrap_servers=kafka_bootstrap,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        await consumer.start()
        versions: list[int] = []
        seen: set[str] = set()
        try:

            async def all_here() -> bool:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        name = record.topic.removeprefix(topic_prefix)
                        state = decode(record.value, TOPICS[name])
                        seen.add(record.key.decode())
                        if isinstance(state, ApiState):
                            versions.append(state.version)
                return len(versions) >= 4 and {ids["api"], ids["plan"]} <= seen and len(seen) == 3

            await eventually(all_here, timeout_seconds=30)
        finally:
            await consumer.stop()
            running.cancel()
        assert versions == [1, 2, 3, 4]


async def _run(relay: Callable[[], Awaitable[None]]) -> None:
    await relay()
