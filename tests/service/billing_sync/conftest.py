"""Billing-sync and a Stripe double running, one pair per test file, and a provider who is connected."""

import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
import stripe
from tests.contracts.stripe.conftest import DoubleProcess, free_port
from tests.support.billing_process import BillingBus, BillingProcess, state, window
from tests.support.eventually import eventually

from shared.events.billing import CheckoutOpened, StripeConnected, StripeConnectRequested, StripeSubscriptionUpdated
from shared.events.catalog import ApiState, PlanState, PlanVersion
from shared.events.identity import DeveloperState
from shared.events.topics import (
    BILLING_COMMANDS,
    CATALOG_APIS,
    CATALOG_PLANS,
    IDENTITY_DEVELOPERS,
    METERING_USAGE,
    SUBSCRIPTIONS_STATE,
)
from shared.ids import new_id

CARD = "4242 4242 4242 4242"
BORN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoubleProcess]:
    """Stripe's double."""
    process = DoubleProcess(tmp_path_factory.mktemp("stripe") / "state.sqlite")
    process.start()
    yield process
    process.kill()


@pytest.fixture(scope="module")
def billing(
    kafka_bootstrap: str, topic_prefix: str, database: Callable[[str], str], double: DoubleProcess
) -> Iterator[BillingProcess]:
    """The process, started."""
    process = BillingProcess(kafka_bootstrap, topic_prefix, database("billing_sync"), free_port(), double.url)
    process.start()
    yield process
    process.end()
    if keep := os.environ.get("TOLLWAY_KEEP_LOGS"):
        shutil.copy(process.log_file, keep)
    process.log_file.unlink()


@pytest.fixture
async def bus(kafka_bootstrap: str, topic_prefix: str) -> AsyncIterator[BillingBus]:
    """The topics around it."""
    async with BillingBus(kafka_bootstrap, topic_prefix) as bus:
        yield bus


@dataclass
class Paid:
    """A paid subscription, active at Stripe."""

    subscription_id: str
    stripe_id: str
    customer_id: str
    event_name: str
    period_start: datetime
    period_end: datetime


class Provider:
    """A connected organization that sells one plan, and its own view of its Stripe account."""

    def __init__(self, bus: BillingBus, billing: BillingProcess, double: DoubleProcess) -> None:
        self.bus, self.billing, self.double = bus, billing, double
        self.organization_id, self.api_id = new_id("org"), new_id("api")
        self.plan_id, self.developer_id = new_id("plan"), new_id("user")
        self.plan_number = int(self.organization_id.encode().hex()[-12:], 16)
        self.keys: dict[str, str] = double.admin("accounts", {})
        self.stripe = stripe.StripeClient(self.keys["secret_key"], base_addresses={"api": double.url}).v1
        self._versions: dict[str, int] = {}

    async def ask_to_connect(self, secret_key: str, publishable_key: str) -> str:
        """What portal-api sends when a provider saves keys; returns the connection's id."""
        connection_id = new_id("con")
        request = StripeConnectRequested(
            organization_id=self.organization_id,
            connection_id=connection_id,
            sealed_secret_key=self.billing.seal(secret_key),
            publishable_key=publishable_key,
            user_id="user_provider",
        )
        await self.bus.send(BILLING_COMMANDS, self.organization_id, request)
        return connection_id

    async def connect(self) -> StripeConnected:
        """With the right keys."""
        connection_id = await self.ask_to_connect(self.keys["secret_key"], self.keys["publishable_key"])
        return await self.bus.wait_for(StripeConnected, connection_id=connection_id)

    async def offer(self) -> None:
        """An API, a plan of two cents a call, and a developer."""
        api = ApiState(
            version=1,
            api_id=self.api_id,
            number=7,
            organization_id=self.organization_id,
            organization_identifier="acme",
            identifier="reading-list",
            version_label="v1",
            display_name="Reading List",
            lifecycle="published",
            plan_ids=(self.plan_id,),
        )
        version = PlanVersion(
            number=self.plan_number,
            ordinal=1,
            pricing_model="unit",
            created_at=BORN,
            unit_amount_decimal=Decimal(2),
        )
        plan = PlanState(
            version=1,
            plan_id=self.plan_id,
            organization_id=self.organization_id,
            name="Pay-as-you-go",
            status="active",
            versions=(version,),
        )
        developer = DeveloperState(
            version=1, developer_id=self.developer_id, email=f"{self.developer_id}@example.test", name="Dana"
        )
        await self.bus.send(CATALOG_APIS, self.api_id, api)
        await self.bus.send(CATALOG_PLANS, self.plan_id, plan)
        await self.bus.send(IDENTITY_DEVELOPERS, self.developer_id, developer)

    async def say(self, subscription_id: str, status: str, **changes: Any) -> None:
        """The subscriptions service publishes the next state."""
        version = self._versions[subscription_id] = self._versions.get(subscription_id, 0) + 1
        fields = {
            "organization_id": self.organization_id,
            "api_id": self.api_id,
            "plan_id": self.plan_id,
            "plan_version_number": self.plan_number,
            "developer_id": self.developer_id,
        }
        await self.bus.send(
            SUBSCRIPTIONS_STATE, subscription_id, state(subscription_id, version, status, **(fields | changes))
        )

    async def open_checkout(self) -> CheckoutOpened:
        """A developer asks for the plan."""
        subscription_id = new_id("sub")
        await self.say(subscription_id, "pending_payment")
        return await self.bus.wait_for(CheckoutOpened, subscription_id=subscription_id)

    async def pay(self, opened: CheckoutOpened) -> Paid:
        """Fill in the form and wait until Stripe's state is published, then let the subscription be active."""
        form = {"email": "dana@example.test", "card_number": CARD, "expiry": "12 / 34", "cvc": "123"}
        assert httpx.post(opened.url, data=form, timeout=30).status_code == 303
        key = opened.subscription_id
        seen = await self.bus.wait_for(StripeSubscriptionUpdated, subscription_id=key, status="active")
        await self.say(
            key, "active", current_period_start=seen.current_period_start, current_period_end=seen.current_period_end
        )
        found = self.stripe.subscriptions.retrieve(seen.stripe_subscription_id, {"expand": ["items.data.price"]})
        meters = {meter.id: meter.event_name for meter in self.stripe.billing.meters.list().data}
        price: Any = found["items"].data[0].price
        return Paid(
            key,
            found.id,
            str(found.customer),
            meters[price.recurring.meter],
            seen.current_period_start,
            seen.current_period_end,
        )

    async def subscribed(self) -> Paid:
        """Connected, offered, opened and paid."""
        await self.connect()
        await self.offer()
        return await self.pay(await self.open_checkout())

    async def count(self, paid: Paid, units: int, revision: int, **changes: Any) -> None:
        """Metering says a window's new total."""
        usage = window(
            paid.subscription_id,
            paid.period_start,
            units,
            revision,
            plan_version_number=self.plan_number,
            **changes,
        )
        await self.bus.send(METERING_USAGE, paid.subscription_id, usage)

    def metered(self, paid: Paid) -> dict[str, Any]:
        """The meter events that count at Stripe, and those that do not."""
        found: dict[str, Any] = self.double.admin(
            f"meter_events?customer={paid.customer_id}&event_name={paid.event_name}"
        )
        return found

    def fault(self, path: str, mode: str, *, times: int = 1, seconds: float = 30.0) -> None:
        """The next requests to Stripe go wrong."""
        self.double.admin("faults", {"method": "POST", "path": path, "mode": mode, "times": times, "seconds": seconds})

    async def told(self, paid: Paid, units: int, *, timeout_seconds: float = 30.0) -> None:
        """Wait until Stripe counts this many, and see that it counts no more."""
        await eventually(
            lambda: int(self.metered(paid)["total"]) >= units,
            timeout_seconds=timeout_seconds,
            message=f"Stripe was not told {units}",
        )
        assert int(self.metered(paid)["total"]) == units


@pytest.fixture
def provider(bus: BillingBus, billing: BillingProcess, double: DoubleProcess) -> Provider:
    """With a fresh Stripe account, not connected yet."""
    return Provider(bus, billing, double)
