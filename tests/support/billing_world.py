"""billing-sync as a process, the Stripe double it talks to, and what the other services would write and read."""

import asyncio
import base64
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from nacl.public import SealedBox
from tests.support.billing_processes import Processes, make_processes
from tests.support.eventually import eventually

from shared.clock import real_now
from shared.events.billing import (
    BillingEvent,
    CheckoutOpened,
    StripeConnected,
    StripeConnectRequested,
    StripeSubscriptionUpdated,
)
from shared.events.catalog import ApiState, PlanState, PlanVersion
from shared.events.envelope import Event, decode, encode, event_type, headers_for, to_kafka_headers
from shared.events.gateway import SandboxClock
from shared.events.identity import DeveloperState
from shared.events.subscriptions import SubscriptionState
from shared.events.topics import (
    BILLING_COMMANDS,
    BILLING_EVENTS,
    CATALOG_APIS,
    CATALOG_PLANS,
    IDENTITY_DEVELOPERS,
    METERING_USAGE,
    SANDBOX_CLOCK,
    SUBSCRIPTIONS_STATE,
    Topic,
)
from shared.events.usage import UsageComplete, UsageWindow
from shared.ids import new_id

E = TypeVar("E")
CARD = {"email": "ada@example.test", "card_number": "4242424242424242", "expiry": "12/40", "cvc": "123"}


@dataclass
class Sold:
    """A live subscription."""

    state: SubscriptionState
    stripe_id: str
    secret_key: str
    account: str

    @property
    def subscription_id(self) -> str:
        """Ours."""
        return self.state.subscription_id

    @property
    def period_start(self) -> datetime:
        """Of the first period."""
        assert self.state.current_period_start is not None
        return self.state.current_period_start

    @property
    def period_end(self) -> datetime:
        """Of the first period."""
        assert self.state.current_period_end is not None
        return self.state.current_period_end


@dataclass
class BillingWorld:
    """The other side of every topic and of Stripe."""

    processes: Processes
    producer: AIOKafkaProducer
    events: list[BillingEvent] = field(default_factory=list)

    async def read(self, consumer: AIOKafkaConsumer) -> None:
        """Collect what billing-sync publishes."""
        async for record in consumer:
            self.events.append(decode(record.value, BillingEvent))

    async def write(self, topic: Topic, key: str, event: Event, *, partition: int | None = None) -> None:
        """As the topic's owner would."""
        headers = headers_for(
            event_id=new_id("evt"), kind=event_type(event), source="test", time=real_now(), traceparent=None
        )
        await self.producer.send_and_wait(
            self.processes.prefix + topic.name,
            encode(event),
            key=key.encode(),
            partition=partition,
            headers=to_kafka_headers(headers),
        )

    def found(self, kind: type[E], **fields: object) -> list[E]:
        """Events of a kind with these fields."""
        return [
            event
            for event in self.events
            if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items())
        ]

    async def event(self, kind: type[E], *, timeout_seconds: float = 40, **fields: object) -> E:
        """The newest such event, once there is one."""

        def newest() -> E | None:
            found = self.found(kind, **fields)
            return found[-1] if found else None

        return await eventually(newest, timeout_seconds=timeout_seconds, message=f"{kind.__name__} {fields}")

    async def admin(self, method: str, path: str, body: dict[str, Any] | None = None, **query: str) -> Any:
        """The double's admin endpoints."""
        async with httpx.AsyncClient(base_url=self.processes.stripe_url, timeout=60) as client:
            answer = await client.request(method, f"/_admin/{path}", json=body, params=query)
            answer.raise_for_status()
            return answer.json()

    async def webhook(self, organization_id: str, body: bytes, *, signature: str = "") -> httpx.Response:
        """Somebody calls the webhook address."""
        async with httpx.AsyncClient(timeout=10) as client:
            headers = {"Stripe-Signature": signature}
            return await client.post(f"{self.processes.webhook_url}/{organization_id}", content=body, headers=headers)

    async def stripe(self, secret_key: str, path: str, **query: str) -> Any:
        """A GET of Stripe's API."""
        headers = {"Authorization": f"Bearer {secret_key}"}
        async with httpx.AsyncClient(base_url=self.processes.stripe_url, headers=headers, timeout=30) as client:
            answer = await client.get(f"/v1/{path}", params=query)
            answer.raise_for_status()
            return answer.json()

    async def now(self) -> datetime:
        """Business time."""
        return datetime.fromisoformat((await self.admin("GET", "clock"))["now"])

    async def move_clock(self, to: datetime) -> None:
        """Stripe's clock and the bus's; nothing where it is later already."""
        if await self.now() >= to:
            return
        clock = await self.admin("POST", "clock", {"to": to.isoformat()})
        offset_us = int(clock["offset_us"])
        await self.write(
            SANDBOX_CLOCK, "clock", SandboxClock(version=offset_us, offset_us=offset_us, set_at=real_now())
        )

    async def fault(self, path: str, mode: str, *, times: int = 1, method: str = "POST") -> None:
        """The next requests of a path go wrong."""
        await self.admin("POST", "faults", {"method": method, "path": path, "mode": mode, "times": times})

    def seal(self, secret_key: str) -> str:
        """As portal-api does."""
        sealed = SealedBox(self.processes.sealing_key.public_key).encrypt(secret_key.encode())
        return base64.b64encode(sealed).decode()

    async def ask_to_connect(self, secret_key: str, publishable_key: str) -> StripeConnectRequested:
        """Writes the command for an organization of its own."""
        command = StripeConnectRequested(
            organization_id=new_id("org"),
            connection_id=new_id("conn"),
            sealed_secret_key=self.seal(secret_key),
            publishable_key=publishable_key,
            user_id="user_1",
        )
        await self.write(BILLING_COMMANDS, command.organization_id, command)
        return command

    async def connect(self) -> tuple[str, dict[str, str]]:
        """A connected organization with a Stripe account of its own."""
        account = await self.admin("POST", "accounts")
        command = await self.ask_to_connect(account["secret_key"], account["publishable_key"])
        await self.event(StripeConnected, organization_id=command.organization_id)
        return command.organization_id, account

    async def request(self, organization_id: str, **terms: object) -> SubscriptionState:
        """A subscription that waits for payment, with everything that it names. `terms`: of its plan version."""
        number = abs(hash(new_id("n"))) % 2_000_000_000
        now = await self.now()
        api_id, plan_id, developer_id = new_id("api"), new_id("plan"), new_id("dev")
        wanted = terms or {"pricing_model": "unit", "unit_amount_decimal": Decimal(2)}
        version = PlanVersion(number=number, ordinal=1, created_at=now, **wanted)  # type: ignore[arg-type]
        api = ApiState(
            version=1,
            api_id=api_id,
            number=number,
            organization_id=organization_id,
            organization_identifier="acme",
            identifier="books",
            version_label="v1",
            display_name="Books",
            lifecycle="published",
        )
        plan = PlanState(
            version=1, plan_id=plan_id, organization_id=organization_id, name="Payg", status="active",
            versions=(version,),
        )  # fmt: skip
        developer = DeveloperState(version=1, developer_id=developer_id, email="ada@example.test", name="Ada")
        state = SubscriptionState(
            version=1,
            subscription_id=new_id("sub"),
            number=number,
            organization_id=organization_id,
            application_id=new_id("app"),
            application_number=number,
            developer_id=developer_id,
            api_id=api_id,
            api_number=number,
            plan_id=plan_id,
            plan_version_number=number,
            paid=True,
            interval=version.interval,
            status="pending_payment",
            created_at=now,
            success_url="http://127.0.0.1:1/success",
            cancel_url="http://127.0.0.1:1/cancel",
        )
        await self.write(SUBSCRIPTIONS_STATE, state.subscription_id, state)
        await self.write(CATALOG_APIS, api_id, api)
        await self.write(CATALOG_PLANS, plan_id, plan)
        await self.write(IDENTITY_DEVELOPERS, developer_id, developer)
        return state

    async def pay(self, url: str) -> None:
        """The hosted page, with a card that works."""
        async with httpx.AsyncClient(timeout=30) as client:
            answer = await client.post(url, data=CARD)
        assert answer.status_code in (302, 303), answer.text

    async def sell(self, **terms: object) -> Sold:
        """From nothing to a live subscription; the clock stands well inside the first period."""
        sold = await self.subscribe(**terms)
        await self.move_clock(sold.period_start + timedelta(minutes=5))
        return sold

    async def subscribe(self, **terms: object) -> Sold:
        """From nothing to a live subscription in its first seconds."""
        organization_id, account = await self.connect()
        state = await self.request(organization_id, **terms)
        opened = await self.event(CheckoutOpened, subscription_id=state.subscription_id)
        await self.pay(opened.url)
        seen = await self.event(StripeSubscriptionUpdated, subscription_id=state.subscription_id, status="active")
        live = self.changed(
            state,
            status="active",
            current_period_start=seen.current_period_start,
            current_period_end=seen.current_period_end,
        )
        await self.write(SUBSCRIPTIONS_STATE, state.subscription_id, live)
        return Sold(live, seen.stripe_subscription_id, account["secret_key"], account["account"])

    @staticmethod
    def changed(state: SubscriptionState, **fields: object) -> SubscriptionState:
        """The next version of a state."""
        import msgspec

        return msgspec.structs.replace(state, version=state.version + 1, **fields)

    async def use(
        self, sold: Sold, units: int, *, revision: int = 1, operation: int = 1, billable: bool = True
    ) -> None:
        """A window's total."""
        window = UsageWindow(
            subscription_id=sold.subscription_id,
            subscription_number=sold.state.number,
            plan_version_number=sold.state.plan_version_number,
            period_start=sold.period_start,
            api_number=sold.state.api_number,
            operation_number=operation,
            window_start=sold.period_start,
            environment="production",
            billable=billable,
            status_class=2,
            calls=units,
            units=units,
            revision=revision,
        )
        await self.write(METERING_USAGE, sold.subscription_id, window)

    async def complete(self, until: datetime) -> None:
        """Said on every partition."""
        for partition in range(METERING_USAGE.partitions):
            await self.write(METERING_USAGE, "complete", UsageComplete(complete_until=until), partition=partition)

    async def at_stripe(self, sold: Sold) -> int:
        """Units that the double counts for the subscription's customer."""
        subscription = await self.stripe(sold.secret_key, f"subscriptions/{sold.stripe_id}")
        counted = await self.admin("GET", "meter_events", customer=subscription["customer"])
        return int(counted["total"])

    async def wait_until_stripe_has(self, sold: Sold, units: int) -> None:
        """Exactly these units, and no more a little later than that."""

        async def has() -> bool:
            return await self.at_stripe(sold) == units

        await eventually(has, timeout_seconds=60, message=f"{units} units at Stripe")


def reading(world: BillingWorld, consumer: AIOKafkaConsumer) -> "asyncio.Task[None]":
    """Collects events until cancelled."""
    return asyncio.get_running_loop().create_task(world.read(consumer))


def consumer_of_events(processes: Processes) -> AIOKafkaConsumer:
    """From the log's beginning."""
    return AIOKafkaConsumer(
        processes.prefix + BILLING_EVENTS.name,
        bootstrap_servers=processes.kafka,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        fetch_max_wait_ms=20,
    )


@pytest.fixture(scope="module")
def processes(
    kafka_bootstrap: str,
    topic_prefix: str,
    database: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Processes]:
    """One double and one service for the file; organizations and accounts are each test's own."""
    folder = tmp_path_factory.mktemp("billing_sync")
    made = make_processes(kafka_bootstrap, topic_prefix, database("billing_sync"), folder)
    made.double.start()
    made.service.start()
    yield made
    made.service.stop()
    made.double.stop(signal.SIGKILL)  # a request that it was told to hang would keep it for a minute


@pytest.fixture
async def world(processes: Processes) -> AsyncIterator[BillingWorld]:
    await processes.double.ready()
    await processes.service.ready()
    producer = AIOKafkaProducer(bootstrap_servers=processes.kafka)
    consumer = consumer_of_events(processes)
    await producer.start()
    await consumer.start()
    made = BillingWorld(processes, producer)
    task = reading(made, consumer)
    yield made
    task.cancel()
    await consumer.stop()
    await producer.stop()
