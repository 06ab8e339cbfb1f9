"""Where a plan says so, the gateway is told what a subscription used and what it costs: the Usage Summary's figures."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.support.containers import DatabaseFactory
from tests.support.eventually import eventually
from tests.support.portal_service import PortalService, running_portal
from tests.support.subscribers import END, PAYG, state, subscribed, window

from shared.events.envelope import decode
from shared.events.subscriptions import SubscriptionRequested
from shared.events.topics import METERING_USAGE, SUBSCRIPTIONS_STATE, USAGE_TOTALS
from shared.events.usage import UsageTotals

TELLING = {**PAYG, "usage_headers": True}


@pytest.fixture(scope="module")
def database_url(database: DatabaseFactory) -> str:
    return database("portal_telling")


@pytest.fixture
async def service(kafka_bootstrap: str, topic_prefix: str, database_url: str) -> AsyncIterator[PortalService]:
    async with running_portal(kafka_bootstrap, topic_prefix, database_url) as running:
        yield running


async def told(service: PortalService, command: SubscriptionRequested, count: int) -> list[UsageTotals]:
    records = await service.heard(USAGE_TOTALS, command.subscription_id, count)
    return [decode(record, UsageTotals) for record in records]


async def test_what_was_used_is_told_with_its_cost_until_the_end(service: PortalService) -> None:
    _, _, command = await subscribed(service, plan=TELLING)
    first = (await told(service, command, 1))[0]
    assert (first.shown, first.units, first.amount_minor, first.subscription_number) == (True, 0, 0, 77)
    assert (first.currency, first.period_end, first.quota_units) == ("usd", END, None)

    more = [window(command, 0, 1, 30), window(command, 1, 1, 20), window(command, 2, 1, 9, billable=False)]
    await service.say(METERING_USAGE, command.subscription_id, *more)
    await service.say(METERING_USAGE, command.subscription_id, window(command, 0, 1, 30))
    second = (await told(service, command, 2))[-1]
    assert (second.units, second.amount_minor) == (50, 100)

    renewed = state(command, 2, "active", current_period_start=END, current_period_end=END + timedelta(days=30))
    await service.say(SUBSCRIPTIONS_STATE, command.subscription_id, renewed)
    third = (await told(service, command, 3))[-1]
    assert (third.units, third.amount_minor, third.period_end) == (0, 0, END + timedelta(days=30))

    ended = state(command, 3, "canceled", ended_by="developer")
    await service.say(SUBSCRIPTIONS_STATE, command.subscription_id, ended)
    everything = await told(service, command, 4)
    assert [one.version for one in everything] == [1, 2, 3, 4], "only what changed was told, and versions grow"
    assert everything[-1].shown is False


async def test_plans_that_say_nothing_of_it_tell_nothing(service: PortalService) -> None:
    developer, offer, command = await subscribed(service)
    await service.say(METERING_USAGE, command.subscription_id, window(command, 0, 1, 30))
    path = f"/v1/portal/{offer.organization}/billing/usage-summary"

    async def is_counted() -> bool:
        return bool((await developer.get(path))["total_billed_api_calls"] == 30)

    await eventually(is_counted)
    assert (
        await service.sql("select * from usage_tellings where subscription_id = :id", id=command.subscription_id) == []
    )


async def test_a_lost_topic_is_filled_again_with_higher_versions(service: PortalService) -> None:
    from portal_api.billing.adapters.telling_store import PostgresTellings

    _, _, command = await subscribed(service, plan=TELLING)
    await told(service, command, 1)
    async with service.portal.uow.transaction() as session:
        again = await PostgresTellings().again(session, after="", limit=1_000)
    assert command.subscription_id in again
    first, second = await told(service, command, 2)
    assert (second.version, second.units, second.shown) == (first.version + 1, first.units, True)


async def test_many_at_once_are_all_told(service: PortalService) -> None:
    found = await asyncio.gather(*(subscribed(service, plan=TELLING) for _ in range(3)))
    for number, (_, _, command) in enumerate(found):
        await service.say(METERING_USAGE, command.subscription_id, window(command, number, 1, number + 1))

    async def all_told() -> bool:
        rows = await service.sql("select cast(told->>'units' as int) from usage_tellings where not due order by 1")
        return {1, 2, 3} <= {row[0] for row in rows}

    await eventually(all_told, timeout_seconds=20)
