"""What the service publishes for what it reads, on real Kafka and PostgreSQL."""

import asyncio
import signal
import statistics
import time
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer
from tests.support.eventually import eventually
from tests.support.subscription_builders import NEXT, NOON, api, cancel, plan, request, stripe_says

from shared.clock import real_now
from shared.events.billing import CheckoutCompleted, StripeSubscriptionClosed
from shared.events.catalog import ApiState, PlanState
from shared.events.gateway import SandboxClock
from shared.events.subscriptions import PaymentGraceSet, SubscriptionRequested, access_key
from shared.events.topics import (
    BILLING_EVENTS,
    CATALOG_APIS,
    CATALOG_PLANS,
    SANDBOX_CLOCK,
    SUBSCRIPTIONS_COMMANDS,
    dead_letter_topic,
)
from shared.ids import new_id


class Journey:
    """An organization of its own for each test: ids are unique, nothing is truncated."""

    def __init__(self, bus: Any, *, paid: bool = False) -> None:
        self.bus = bus
        self.paid = paid
        self.api_id, self.organization_id = new_id("api"), new_id("org")
        self.plan_id = new_id("plan")

    def api(self, **changes: Any) -> ApiState:
        ids = {"api_id": self.api_id, "organization_id": self.organization_id, "plan_ids": (self.plan_id,)}
        return api(**(ids | changes))

    def plan(self, **changes: Any) -> PlanState:
        return plan(paid=self.paid, plan_id=self.plan_id, organization_id=self.organization_id, **changes)

    def request(self, **changes: Any) -> SubscriptionRequested:
        ids = {
            "application_id": new_id("app"),
            "organization_id": self.organization_id,
            "api_id": self.api_id,
            "plan_id": self.plan_id,
        }
        return request(new_id("sub"), paid=self.paid, **(ids | changes))

    async def publish_catalogue(self) -> None:
        await self.bus.write(CATALOG_APIS, self.api_id, self.api())
        await self.bus.write(CATALOG_PLANS, self.plan_id, self.plan())

    async def send(self, command: SubscriptionRequested) -> str:
        await self.bus.write(SUBSCRIPTIONS_COMMANDS, command.subscription_id, command)
        return access_key(command.application_id, command.api_id)

    async def activate_paid(self, command: SubscriptionRequested) -> str:
        """Through the synthetic halves of a Checkout."""
        key = await self.send(command)
        await self.bus.status(command.subscription_id, "pending_payment")
        await self.heard(stripe_says("active"), command.subscription_id)
        await self.heard(completed(), command.subscription_id)
        await self.bus.status(command.subscription_id, "active")
        await self.bus.access(key, lambda entry: entry.production.allowed)
        return key

    async def heard(self, event: Any, subscription_id: str) -> None:
        event = msgspec.structs.replace(event, subscription_id=subscription_id)
        await self.bus.write(BILLING_EVENTS, subscription_id, event)


def completed() -> CheckoutCompleted:
    return CheckoutCompleted(subscription_id="", session_id="cs_1", payment_status="paid")


async def test_free_plan_is_active_with_access_at_once(process: Any, bus: Any) -> None:
    journey = Journey(bus)
    await journey.publish_catalogue()
    command = journey.request()
    key = await journey.send(command)
    state = await bus.status(command.subscription_id, "active")
    entry = await bus.access(key, lambda entry: entry.production.allowed)
    assert state.current_period_start is not None and state.current_period_end > state.current_period_start
    assert entry.production.subscription_number == state.number > 0
    assert entry.sandbox == entry.production
    assert entry.production.rate_limits[0].count == 10


async def test_command_waits_for_the_catalogue_it_names(process: Any, bus: Any, database_url: str) -> None:
    journey = Journey(bus)
    command = journey.request()
    await journey.send(command)
    await _row(database_url, "select 1 from parked_commands where subscription_id = $1", command.subscription_id)
    await bus.write(CATALOG_APIS, journey.api_id, journey.api())
    await bus.write(CATALOG_PLANS, journey.plan_id, journey.plan(version=1))
    await _row(database_url, "select 1 from catalog_plans where plan_id = $1", journey.plan_id)
    assert command.subscription_id not in bus.states
    await bus.write(CATALOG_PLANS, journey.plan_id, journey.plan())
    await bus.status(command.subscription_id, "active")


async def test_second_subscription_of_a_pair_and_unpublished_api_are_rejected(process: Any, bus: Any) -> None:
    journey = Journey(bus)
    await journey.publish_catalogue()
    first = journey.request()
    await journey.send(first)
    second = journey.request(application_id=first.application_id)
    await bus.status(first.subscription_id, "active")
    key = await journey.send(second)
    refused = await bus.status(second.subscription_id, "rejected")
    assert refused.problem == "already-subscribed" and refused.problem_detail
    assert bus.entries[key][-1].production.subscription_id == first.subscription_id
    await bus.write(CATALOG_APIS, journey.api_id, journey.api(version=4, lifecycle="deprecated"))
    third = journey.request(api_version=4)
    await journey.send(third)
    assert (await bus.status(third.subscription_id, "rejected")).problem == "api-not-published"


async def test_paid_plan_from_checkout_to_verified_end(process: Any, bus: Any) -> None:
    journey = Journey(bus, paid=True)
    await journey.publish_catalogue()
    command = journey.request()
    key = await journey.activate_paid(command)
    assert bus.states[command.subscription_id][-1].current_period_end == NEXT
    await bus.write(SUBSCRIPTIONS_COMMANDS, command.subscription_id, cancel(command.subscription_id))
    canceling = await bus.status(command.subscription_id, "canceling")
    assert canceling.access_ended_at is not None and canceling.ended_by == "developer"
    await bus.access(key, lambda entry: entry.production.reason == "subscription-ended")
    await journey.heard(stripe_says("active", observed=9), command.subscription_id)
    closed = StripeSubscriptionClosed(subscription_id="", ended_at=NOON, verified=True, reported_units=3)
    await journey.heard(closed, command.subscription_id)
    ended = await bus.status(command.subscription_id, "canceled")
    assert ended.ended_at == NOON and ended.problem is None
    statuses = [state.status for state in bus.states[command.subscription_id]]
    assert set(statuses[statuses.index("canceling") :]) == {"canceling", "canceled"}


async def test_the_providers_grace_decides_how_long_a_debtor_may_call(
    process: Any, bus: Any, database_url: str
) -> None:
    journey = Journey(bus, paid=True)
    await journey.publish_catalogue()
    none = PaymentGraceSet(
        organization_id=journey.organization_id, grace_days=0, user_id="user_1", requested_at=real_now()
    )
    await bus.write(SUBSCRIPTIONS_COMMANDS, journey.organization_id, none)
    older = msgspec.structs.replace(none, grace_days=30, requested_at=NOON - timedelta(days=365))
    await bus.write(SUBSCRIPTIONS_COMMANDS, journey.organization_id, older)
    # It lies on another partition than the subscription's commands: wait for it.
    await _row(database_url, "select 1 from payment_graces where organization_id = $1", journey.organization_id)
    command = journey.request()
    key = await journey.activate_paid(command)
    await journey.heard(stripe_says("past_due", observed=5), command.subscription_id)
    overdue = await bus.status(command.subscription_id, "past_due")
    assert overdue.grace_until is not None
    refused = await bus.access(key, lambda entry: not entry.production.allowed)
    assert refused.production.reason == "payment-overdue"
    await journey.heard(stripe_says("active", observed=6), command.subscription_id)
    paid = await bus.status(command.subscription_id, "active")
    assert paid.grace_until is None
    await bus.access(key, lambda entry: entry.production.allowed)


async def test_cancel_now_ends_access_fast(process: Any, bus: Any) -> None:
    """From the command's write to the access record's read, as a gateway reads it."""
    journey = Journey(bus, paid=True)
    await journey.publish_catalogue()
    took_ms = []
    for _ in range(15):
        command = journey.request()
        key = await journey.activate_paid(command)
        start = time.monotonic()
        await bus.write(SUBSCRIPTIONS_COMMANDS, command.subscription_id, cancel(command.subscription_id))
        ended = await bus.access(key, lambda entry: not entry.production.allowed)
        took_ms.append((bus.read_at[key, ended.version] - start) * 1000)
    print(f"\ncancel command -> access record: median {statistics.median(took_ms):.0f} ms, max {max(took_ms):.0f} ms")
    assert statistics.median(took_ms) < 250


async def test_redelivered_command_has_no_second_effect(process: Any, bus: Any, database_url: str) -> None:
    """A relay that crashed after its Kafka commit sends the same event again, at a new offset."""
    journey = Journey(bus)
    await journey.publish_catalogue()
    command = journey.request()
    event_id = new_id("evt")
    key = access_key(command.application_id, command.api_id)
    for _ in range(2):
        await bus.write(SUBSCRIPTIONS_COMMANDS, command.subscription_id, command, event_id=event_id)
    await bus.status(command.subscription_id, "active")
    cancel_id = new_id("evt")
    for _ in range(2):
        await bus.write(
            SUBSCRIPTIONS_COMMANDS, command.subscription_id, cancel(command.subscription_id), event_id=cancel_id
        )
    await bus.status(command.subscription_id, "canceled")
    # A later command of the same partition is processed: the repeats before it are over.
    await bus.write(SUBSCRIPTIONS_COMMANDS, command.subscription_id, command, event_id=new_id("evt"))
    witness = journey.request(application_id=command.application_id)
    await journey.send(witness)
    await bus.status(witness.subscription_id, "active")
    assert [state.status for state in bus.states[command.subscription_id]] == ["active", "canceled"]
    assert [entry.production.allowed for entry in bus.entries[key]] == [True, False, True]
    assert [entry.version for entry in bus.entries[key]] == [1, 2, 3]


async def test_killed_midway_loses_and_repeats_nothing(process: Any, bus: Any, database_url: str) -> None:
    journey = Journey(bus)
    await journey.publish_catalogue()
    commands = [journey.request() for _ in range(120)]
    for index, command in enumerate(commands):
        await journey.send(command)
        if index in (30, 70, 100):
            await bus.status(commands[index - 20].subscription_id, "active")
            assert process.stop(signal.SIGKILL) == -signal.SIGKILL
            process.start()
    for command in commands:
        await bus.status(command.subscription_id, "active", timeout_seconds=60)
    keys = [access_key(command.application_id, command.api_id) for command in commands]
    for key in keys:
        await bus.access(key, lambda entry: entry.production.allowed)
    numbers = {bus.states[command.subscription_id][-1].number for command in commands}
    assert len(numbers) == len(commands)
    # A repeat of the relay's is the same record again: the same version, the same content.
    for command in commands:
        assert {state.version for state in bus.states[command.subscription_id]} == {1}
        assert len(set(bus.states[command.subscription_id])) == 1
    await _empty(database_url, "select 1 from outbox limit 1")


async def test_republish_sends_everything_again(process: Any, bus: Any, database_url: str, topic_prefix: str) -> None:
    from subscriptions.republish import republish
    from subscriptions.settings import Settings

    journey = Journey(bus)
    await journey.publish_catalogue()
    command = journey.request()
    key = await journey.send(command)
    await bus.access(key, lambda entry: entry.production.allowed)
    states, entries = await republish(Settings(database_url=database_url, kafka_topic_prefix=topic_prefix))
    assert states >= 1 and entries >= 1
    await eventually(lambda: len(bus.states[command.subscription_id]) == 2, timeout_seconds=20)
    await eventually(lambda: len(bus.entries[key]) == 2, timeout_seconds=20)
    assert bus.entries[key][0] == bus.entries[key][1]


async def test_retired_api_ends_its_subscriptions(process: Any, bus: Any) -> None:
    journey = Journey(bus)
    await journey.publish_catalogue()
    commands = [journey.request() for _ in range(3)]
    for command in commands:
        await journey.send(command)
        await bus.status(command.subscription_id, "active")
    await bus.write(CATALOG_APIS, journey.api_id, journey.api(version=4, lifecycle="retired"))
    for command in commands:
        ended = await bus.status(command.subscription_id, "canceled")
        assert ended.ended_by == "provider" and ended.problem == "api-retired"


async def test_catalogue_that_never_comes_rejects_the_command(process: Any, bus: Any, database_url: str) -> None:
    command = Journey(bus).request()
    await bus.write(SUBSCRIPTIONS_COMMANDS, command.subscription_id, command)
    refused = await bus.status(command.subscription_id, "rejected")
    assert refused.problem == "catalog-not-seen" and refused.api_number == 0
    statement = "select 1 from parked_commands where subscription_id = $1"
    await _query(database_url, statement, command.subscription_id, wanted=False)


async def test_command_about_nothing_becomes_a_dead_letter(
    process: Any, bus: Any, kafka_bootstrap: str, topic_prefix: str
) -> None:
    """And does not stop what comes after it in its partition."""
    journey = Journey(bus)
    await journey.publish_catalogue()
    command = journey.request()
    await bus.write(SUBSCRIPTIONS_COMMANDS, command.subscription_id, cancel("sub_nobody"))
    await journey.send(command)
    await bus.status(command.subscription_id, "active")
    dead = dead_letter_topic(SUBSCRIPTIONS_COMMANDS.name, "subscriptions")
    consumer = AIOKafkaConsumer(
        topic_prefix + dead.name,
        bootstrap_servers=kafka_bootstrap,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    async with consumer, asyncio.timeout(20):
        record = await anext(consumer)
    assert b"sub_nobody" in record.value
    assert "UnknownSubscription" in dict(record.headers)["dead_letter_reason"].decode()


async def test_a_leap_of_the_business_clock_renews_and_ends(process: Any, bus: Any) -> None:
    """The last of the file: business time only moves forward."""
    journey = Journey(bus)
    await journey.publish_catalogue()
    going, ending = journey.request(), journey.request()
    for command in (going, ending):
        await journey.send(command)
        await bus.status(command.subscription_id, "active")
    at_end = cancel(ending.subscription_id, when="period_end")
    await bus.write(SUBSCRIPTIONS_COMMANDS, ending.subscription_id, at_end)
    key = access_key(ending.application_id, ending.api_id)
    entry = await bus.access(key, lambda entry: entry.production.valid_until is not None)
    end = bus.states[ending.subscription_id][-1].current_period_end
    assert entry.production.allowed and entry.production.valid_until == end
    leap = SandboxClock(version=1, offset_us=40 * 86_400_000_000, set_at=real_now())
    await bus.write(SANDBOX_CLOCK, "clock", leap)
    ended = await bus.status(ending.subscription_id, "canceled")
    assert ended.ended_at == ended.access_ended_at == end
    await bus.access(key, lambda entry: entry.production.reason == "subscription-ended")
    first = bus.states[going.subscription_id][0]
    renewed = await eventually(lambda: bus.states[going.subscription_id][1:], timeout_seconds=20)
    assert renewed[0].status == "active" and renewed[0].current_period_start == first.current_period_end


async def _row(database_url: str, statement: str, *arguments: object) -> None:
    await _query(database_url, statement, *arguments, wanted=True)


async def _empty(database_url: str, statement: str) -> None:
    await _query(database_url, statement, wanted=False)


async def _query(database_url: str, statement: str, *arguments: object, wanted: bool) -> None:
    async def found() -> bool:
        try:
            connection = await asyncpg.connect(database_url)
        except asyncpg.PostgresError:
            return False
        try:
            return bool(await connection.fetch(statement, *arguments)) is wanted
        except asyncpg.UndefinedTableError:
            return False  # the service is still migrating
        finally:
            await connection.close()

    await eventually(found, timeout_seconds=30, message=statement)
