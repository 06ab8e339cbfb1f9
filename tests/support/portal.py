"""A portal-api in this process on a database of its own, and clients that are signed in to it."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx

from portal_api.main import MIGRATIONS, PortalApi, build
from portal_api.settings import Settings
from sandbox_mailbox.mails import Mailbox, ReceivedMail, smtp_protocol
from shared.db import migrate

BASE = "http://portal.test"
PASSWORD = "three calm green trees"
CONTRACT = """\
openapi: 3.0.3
info:
  title: Reading List API
  version: 1.0.0
servers:
  - url: http://93.184.216.34/v1
paths:
  /books:
    get:
      operationId: listBooks
      summary: List books
      responses:
        200: {description: The books}
    post:
      responses:
        "201": {description: Added}
  /books/{id}:
    get:
      operationId: getBook
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
      responses:
        "200": {description: One book}
"""
UNIT_PLAN = {
    "name": "Pay-as-you-go",
    "description": "Pay $0.02 per API request, billed monthly",
    "rate_limit": {"count": 1000, "unit": "minute"},
    "pricing_model": "unit",
    "currency": "usd",
    "billing_period": "month",
    "unit_amount_decimal": "2",
}


@dataclass
class Portal:
    """The service and a way to call it."""

    service: PortalApi
    settings: Settings

    mailbox: Mailbox

    async def mails_to(self, address: str) -> list[ReceivedMail]:
        """What has arrived, newest first, after everything due was sent."""
        while await self.service.deliveries.deliver_due():
            pass
        return self.mailbox.newest(address)

    async def link_to(self, address: str, path: str = "") -> str:
        """The token in the newest mail's link (to `path`: mails that are due together arrive in any order)."""
        links = [link for mail in await self.mails_to(address) for link in mail.links if path in link]
        return links[0].rpartition("token=")[2]

    async def verified(self, email: str) -> httpx.AsyncClient:
        """As `signed_up`, with a confirmed address."""
        client = await self.signed_up(email)
        body = {"token": await self.link_to(email)}
        assert (await client.post("/v1/email-verifications/confirm", json=body)).status_code == 200
        return client

    async def browser(self, email: str, password: str = PASSWORD) -> httpx.AsyncClient:
        """A browser that signs in: a session with its CSRF token."""
        client = self.client()
        answer = await client.post("/v1/sessions", json={"email": email, "password": password})
        assert answer.status_code == 201, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        return client

    async def join(self, admin: httpx.AsyncClient, organization: str, member: httpx.AsyncClient, role: str) -> None:
        """Invite and accept; the admin's address must be confirmed."""
        email = (await member.get("/v1/users/me")).json()["email"]
        path = f"/v1/organizations/{organization}/invitations"
        await created(await admin.post(path, json={"email": email, "role": role}))
        await created(
            await member.post(
                "/v1/invitations/accept", json={"token": await self.link_to(email, "/invitations/accept")}
            ),
            200,
        )

    def client(self, token: str | None = None) -> httpx.AsyncClient:
        """A client; with a personal access token, if given."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        transport = httpx.ASGITransport(app=self.service.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers)

    async def signed_up(self, email: str) -> httpx.AsyncClient:
        """A client with the token of a new user."""
        browser = self.client()
        user = {"email": email, "password": PASSWORD, "name": email.partition("@")[0]}
        assert (await browser.post("/v1/users", json=user)).status_code == 201
        session = await browser.post("/v1/sessions", json={"email": email, "password": PASSWORD})
        csrf = {"X-CSRF-Token": session.json()["csrf_token"]}
        token = await browser.post("/v1/personal-access-tokens", json={"name": "test"}, headers=csrf)
        assert token.status_code == 201, token.text
        return self.client(token.json()["token"])


# By settings.
_built: dict[str, PortalApi] = {}


@asynccontextmanager
async def portal(
    database_url: str, *, kafka: str = "127.0.0.1:1", topic_prefix: str = "", allowed: str = "", **changed: Any
) -> AsyncIterator[Portal]:
    """Migrated and wired; nothing of it runs beside the requests (start `service.runners` where a test needs it).

    Wiring 270 routes takes as long as a test's own requests: the same settings give the same service again, with new
    connections. What a service remembers stands in its database, which the tests of a file share anyway.
    """
    settings = Settings(
        database_url=database_url,
        encryption_key=base64.b64encode(b"k" * 32).decode(),
        public_url=BASE,
        gateway_url="http://gateway.test",
        kafka_bootstrap_servers=kafka,
        kafka_topic_prefix=topic_prefix,
        allowed_private_addresses=allowed,
        smtp_host="127.0.0.1",
        smtp_security="none",
        mail_from="Tollway <no-reply@portal.test>",
        sign_ups_per_hour=1000,
    )
    async with mail_server() as (mailbox, port):
        settings = settings.model_copy(update={"smtp_port": port, **changed})
        if (service := _built.get(key := repr(settings.model_dump()))) is None:
            await asyncio.to_thread(migrate.upgrade, database_url, MIGRATIONS)
            # What the file before built goes with its database.
            for old in [one for one in _built if repr(database_url) not in one]:
                del _built[old]
            service = _built[key] = build(settings)
        try:
            yield Portal(service, settings, mailbox)
        finally:
            await service.engine.dispose()


@asynccontextmanager
async def mail_server() -> AsyncIterator[tuple[Mailbox, int]]:
    """A real SMTP server on a port that this process keeps, and what arrives there."""
    mailbox = Mailbox()
    listening = _mail_socket()
    server = await asyncio.get_running_loop().create_server(lambda: smtp_protocol(mailbox), sock=listening.dup())
    async with server:
        yield mailbox, listening.getsockname()[1]


@cache
def _mail_socket() -> socket.socket:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    return listening


async def created(response: httpx.Response, status: int = 201) -> dict[str, Any]:
    """The body of a success; the problem, where it is none."""
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    return body


async def provider_with_api(client: httpx.AsyncClient, name: str) -> dict[str, str]:
    """Ids of an organization with project, API and plan."""
    terms = {"privacy_policy_accepted": True, "terms_accepted": True}
    org = await created(await client.post("/v1/organizations", json={"name": name, **terms}))
    base = f"/v1/organizations/{org['id']}"
    project = await created(await client.post(f"{base}/projects", json={"display_name": "Sample Project"}))
    body = {"openapi": {"document": CONTRACT}}
    api = await created(await client.post(f"{base}/projects/{project['id']}/apis", json=body))
    plan = await created(await client.post(f"{base}/plans", json=UNIT_PLAN))
    return {"organization": org["id"], "project": project["id"], "api": api["id"], "plan": plan["id"]}
