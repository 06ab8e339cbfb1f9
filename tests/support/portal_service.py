"""portal-api in this process, on real Kafka and PostgreSQL; the other services are the records that a test sends."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from nacl.public import PrivateKey
from sqlalchemy import text
from tests.support.eventually import eventually

from portal_api.main import MIGRATIONS, PortalApi, build
from portal_api.settings import Settings
from shared.clock import real_now
from shared.db import migrate
from shared.events.envelope import Event, event_type, headers_for, to_kafka_headers
from shared.events.envelope import encode as encode_event
from shared.events.topics import Topic
from shared.ids import new_id

UPSTREAM = "127.0.0.1:8500"
PUBLIC_URL = "http://portal.test"
CONTRACT = """
openapi: 3.0.3
info: {title: Reading List, version: "1.0.0"}
servers: [{url: "http://127.0.0.1:8500"}]
paths:
  /books:
    get: {operationId: listBooks, responses: {"200": {description: ok}}}
"""


@dataclass
class PortalService:
    """The running service, a client of it, and a way to speak for the others."""

    portal: PortalApi
    client: httpx.AsyncClient
    producer: AIOKafkaProducer
    bootstrap: str
    prefix: str
    sealing: PrivateKey

    async def say(self, topic: Topic, key: str, *events: Event) -> None:
        """What another service publishes."""
        for event in events:
            headers = headers_for(
                event_id=new_id("evt"), kind=event_type(event), source="test", time=real_now(), traceparent=None
            )
            await self.producer.send_and_wait(
                self.prefix + topic.name, encode_event(event), key.encode(), headers=to_kafka_headers(headers)
            )

    async def heard(self, topic: Topic, key: str, count: int = 1) -> list[bytes]:
        """At least `count` records that the portal published under `key`, oldest first."""
        consumer = AIOKafkaConsumer(
            self.prefix + topic.name,
            bootstrap_servers=self.bootstrap,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        found: list[bytes] = []
        await consumer.start()
        try:
            async with asyncio.timeout(15):
                while len(found) < count:
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        found += [r.value for r in records if r.key == key.encode() and r.value is not None]
        finally:
            await consumer.stop()
        return found

    async def sql(self, statement: str, **values: object) -> list[Any]:
        """Look into the database."""
        async with self.portal.engine.begin() as connection:
            result = await connection.execute(text(statement), values)
            return list(result) if result.returns_rows else []

    async def user(self, name: str = "dev") -> Person:
        """A new user with a personal access token."""
        email = f"{name}-{secrets.token_hex(5)}@example.test"
        password = "three calm green trees"
        created = await self.client.post("/v1/users", json={"email": email, "password": password, "name": name})
        assert created.status_code == 201, created.text
        signed_in = await self.client.post("/v1/sessions", json={"email": email, "password": password})
        headers = {"X-CSRF-Token": signed_in.json()["csrf_token"]}
        token = await self.client.post("/v1/personal-access-tokens", json={"name": "test"}, headers=headers)
        assert token.status_code == 201, token.text
        self.client.cookies.clear()
        return Person(self.client, created.json()["id"], email, password, token.json()["token"])

    async def published_api(self, provider: Person, *, plan: dict[str, Any]) -> Offer:
        """An organization with one published API that offers one plan."""
        accepted = {"privacy_policy_accepted": True, "terms_accepted": True}
        organization = await provider.post(
            "/v1/organizations", {"name": f"org {secrets.token_hex(5)}", **accepted}, status=201
        )
        base = f"/v1/organizations/{organization['id']}"
        project = await provider.post(f"{base}/projects", {"display_name": "Sample Project"}, status=201)
        api = await provider.post(
            f"{base}/projects/{project['id']}/apis", {"openapi": {"document": CONTRACT}}, status=201
        )
        await provider.post(f"/v1/apis/{api['id']}/deployments", {"environment": "development"}, status=201)
        promotion = {"use_development_endpoint_configuration": True}
        await provider.post(f"/v1/apis/{api['id']}/promotions", promotion, status=201)
        offered = await provider.post(f"{base}/plans", plan, status=201)
        enabled = await provider.send("PUT", f"/v1/apis/{api['id']}/plans", {"plan_ids": [offered["id"]]})
        assert enabled.status_code == 200, enabled.text
        if plan["pricing_model"] != "free":
            await self.sql(
                "insert into stripe_connections (organization_id, connected, checks) values (:id, true, '[]')",
                id=organization["id"],
            )
        published = await provider.send("POST", f"/v1/apis/{api['id']}/lifecycle", {"action": "publish"})
        assert published.status_code == 200, published.text
        return Offer(organization["id"], organization["identifier"], api["id"], offered["id"])


@dataclass(frozen=True)
class Offer:
    """Ids of what a provider offers."""

    organization_id: str
    organization: str
    api_id: str
    plan_id: str


@dataclass(frozen=True)
class Person:
    """A signed-up user."""

    client: httpx.AsyncClient
    id: str
    email: str
    password: str
    token: str

    async def send(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """A request as this user."""
        everything = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        return await self.client.request(method, path, json=body, headers=everything)

    async def post(self, path: str, body: object = None, *, status: int, **headers: str) -> dict[str, Any]:
        """A POST that must answer `status`."""
        answer = await self.send("POST", path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    async def get(self, path: str) -> dict[str, Any]:
        """A GET that must answer 200."""
        answer = await self.send("GET", path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@asynccontextmanager
async def running_portal(bootstrap: str, prefix: str, database_url: str) -> AsyncIterator[PortalService]:
    """Migrated, consuming and publishing; requests go straight to the application."""
    sealing = PrivateKey.generate()
    settings = Settings(
        database_url=database_url,
        kafka_bootstrap_servers=bootstrap,
        kafka_topic_prefix=prefix,
        public_url=PUBLIC_URL,
        encryption_key=base64.b64encode(b"0" * 32).decode(),
        billing_sealing_public_key=base64.b64encode(bytes(sealing.public_key)).decode(),
        allowed_private_addresses=UPSTREAM,
        port=0,
        operations_port=0,
        sign_ups_per_hour=1000,
    )
    await asyncio.to_thread(migrate.upgrade, database_url, MIGRATIONS)
    portal = build(settings)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    transport = httpx.ASGITransport(portal.app)
    try:
        async with asyncio.TaskGroup() as group, httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
            tasks = [group.create_task(_run(runner)) for runner in portal.runners]
            await eventually(lambda: not portal.readiness.failing(), timeout_seconds=30, message="the portal is ready")
            yield PortalService(portal, client, producer, bootstrap, prefix, sealing)
            for task in tasks:
                task.cancel()
    finally:
        await producer.stop()
        await portal.engine.dispose()


async def _run(runner: Any) -> None:
    await runner()
