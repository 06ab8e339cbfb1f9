"""The whole product as private processes on free ports, and people who use it through its doors."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.containers import Infrastructure
from tests.support.counting_upstream import CountingUpstream

from journey import provider
from journey.addresses import Addresses
from journey.client import Client
from journey.developer import generate, subscribe_application
from journey.state import App, Journey, Person
from local_stack.ports import LOOPBACK, Ports
from local_stack.stack import Stack

PLAN = {
    "name": "Pay-as-you-go",
    "description": "Pay $0.02 per API request, billed monthly",
    "rate_limit": {"count": 100_000, "unit": "second"},
    "pricing_model": "unit",
    "currency": "usd",
    "billing_period": "month",
    "unit_amount_decimal": "2",
}


@dataclass
class WholeStack:
    """A running stack, and an upstream of the test's own."""

    stack: Stack
    upstream: CountingUpstream

    @property
    def addresses(self) -> Addresses:
        return Addresses(
            portal=self.stack.url("portal"),
            gateway=self.stack.url("gateway"),
            stripe=self.stack.url("stripe"),
            upstream=self.stack.url("reading_list"),
            mailbox=self.stack.url("mailbox"),
            kafka=self.stack.kafka_bootstrap,
            topic_prefix="",
        )

    def people(self) -> Journey:
        """A provider and a developer who have not signed up yet."""
        suffix = secrets.token_hex(4)

        def person(name: str) -> Person:
            return Person(
                f"{name}-{suffix}@example.com", f"{name}-{secrets.token_urlsafe(9)}", Client(self.addresses.portal)
            )

        return Journey(self.addresses, suffix, 100, person("provider"), person("developer"))

    def published_api(self, plan: dict[str, object] | None = None) -> Journey:
        """A provider whose API is published with a plan; a developer who has signed up."""
        journey = self.people()
        provider.organize(journey)
        client = journey.provider.client
        api = client.post(
            f"/v1/organizations/{journey.organization_id}/projects/{journey.project_id}/apis",
            {"openapi": {"document": self.upstream.contract("Things")}},
        )
        journey.api_id = api["id"]
        client.post(f"/v1/apis/{journey.api_id}/deployments", {"environment": "development"})
        production = client.post(
            f"/v1/apis/{journey.api_id}/promotions", {"use_development_endpoint_configuration": True}
        )
        journey.api_url = production["gateway_url"].rstrip("/")
        terms = plan or PLAN
        if terms["pricing_model"] != "free":
            provider.connect_stripe(journey)
        created = client.post(f"/v1/organizations/{journey.organization_id}/plans", terms)
        journey.plan_id = created["id"]
        provider.enable_plan(journey)
        provider.publish(journey)
        provider.sign_up(journey.developer, "Dana Developer")
        return journey

    def subscribed(self, journey: Journey, name: str = "App") -> App:
        """An application with a paid subscription and an access token."""
        app = subscribe_application(journey, f"{name} {secrets.token_hex(3)}")
        generate(journey, app)
        return app


@pytest.fixture(scope="session")
def whole_stack(infrastructure: Infrastructure) -> Iterator[WholeStack]:
    """One stack for all end-to-end tests of a run; native, because these tests kill Kafka and PostgreSQL too."""
    upstream = CountingUpstream()
    with tempfile.TemporaryDirectory(prefix="tollway-e2e-", ignore_cleanup_errors=True) as folder:
        ports = Ports.free()
        allowed = f"{LOOPBACK}:{ports.reading_list},{LOOPBACK}:{upstream.port}"
        overrides = {
            "portal-api": {"TOLLWAY_ALLOWED_PRIVATE_ADDRESSES": allowed},
            "gateway": {"TOLLWAY_ALLOWED_PRIVATE_ADDRESSES": allowed},
            "billing-sync": {"TOLLWAY_PUSH_INTERVAL_SECONDS": "0.5"},
        }
        stack = Stack(Path(folder), ports, overrides=overrides, durable=False, supervise=False)
        with stack:
            yield WholeStack(stack, upstream)
        if keep := os.environ.get("TOLLWAY_KEEP_LOGS"):
            shutil.copytree(Path(folder) / "logs", keep, dirs_exist_ok=True)
    upstream.close()
