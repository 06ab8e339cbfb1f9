"""What makes pages cheap, on real PostgreSQL: sums beside the windows never drift, and reads are not repeated."""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, text
from tests.support.portal import BASE, PASSWORD, Portal, portal, provider_with_api

from portal_api.billing.adapters.provider_store import PostgresProviderView
from portal_api.billing.adapters.usage_store import PostgresUsage
from portal_api.billing.domain.usage import newest_windows
from portal_api.identity.domain.access import Actor
from portal_api.organizations.adapters.repository import PostgresOrganizationRepository
from portal_api.organizations.use_cases import Organizations
from shared.errors import DomainError
from shared.events.usage import UsageWindow

START = datetime(2026, 11, 1, tzinfo=UTC)
_SUMS = """
select api_number, environment, date_trunc('{grain}', window_start, 'UTC') as at, status_class, sum(calls)
from usage_windows group by 1, 2, 3, 4
"""


def window(subscription: int, minute: int, status_class: int, revision: int) -> UsageWindow:
    """Two APIs; a window's total follows from its revision."""
    return UsageWindow(
        subscription_id=f"sub_{subscription}", subscription_number=subscription, plan_version_number=1,
        period_start=START, api_number=1 + subscription % 2, operation_number=1,
        window_start=START + timedelta(minutes=minute, seconds=30 if minute == 0 else 0),
        environment="production" if minute % 7 else "sandbox", billable=status_class == 2, status_class=status_class,
        calls=revision * 3, units=revision * 3, revision=revision,
    )  # fmt: skip


async def test_sums_by_minute_and_hour_follow_every_revision(database: Callable[[str], str]) -> None:
    chance = random.Random(5)
    usage = PostgresUsage()
    async with portal(database("portal_api")) as here:

        async def write(subscriptions: range) -> None:
            """One consumer: batches of its own subscriptions, with repeats and old revisions."""
            for _ in range(15):
                batch = [
                    window(
                        chance.choice(subscriptions), chance.randrange(180), chance.choice((2, 4, 5)),
                        chance.randrange(1, 9),
                    )
                    for _ in range(60)
                ]  # fmt: skip
                async with here.service.uow.transaction() as session:
                    await usage.apply(session, newest_windows(batch))

        # Three replicas, each with its own subscriptions, move the same APIs' rows at once.
        await asyncio.gather(*(write(range(n, n + 5)) for n in (0, 5, 10)))
        async with here.service.uow.transaction() as session:
            for table, grain in (("api_minutes", "minute"), ("api_hours", "hour")):
                kept = await session.execute(text(f"select * from {table}"))
                exact = await session.execute(text(_SUMS.format(grain=grain)))
                assert {tuple(row) for row in kept} == {tuple(row) for row in exact}


@pytest.mark.parametrize("step", [timedelta(minutes=30), timedelta(hours=6)])
async def test_charts_count_what_the_windows_hold(database: Callable[[str], str], step: timedelta) -> None:
    async with portal(database("portal_api")) as here:
        ids = await provider_with_api(await here.signed_up("charts@example.com"), "Charts")
        async with here.service.uow.transaction() as session:
            number = (await session.execute(text("select number from apis"))).scalar_one()
            rows = [window(2 * n, minute, 2, 4) for n in range(3) for minute in range(1, 700, 9)]
            await session.execute(text("update apis set number = 1 where number = :number"), {"number": number})
            await PostgresUsage().apply(session, rows)
            found = await PostgresProviderView().calls(
                session,
                ids["organization"],
                api_id=ids["api"],
                since=START,
                until=START + timedelta(hours=12),
                step=step,
            )
        assert sum(one.calls for one in found) == sum(row.calls for row in rows if row.environment == "production")
        assert len({one.at for one in found}) == timedelta(hours=12) / step


async def test_what_a_transaction_has_read_ends_with_its_own_change(database: Callable[[str], str]) -> None:
    repository = PostgresOrganizationRepository()
    organizations = Organizations(repository)
    async with portal(database("portal_api")) as here:
        client = await here.signed_up("leaves@example.com")
        ids = await provider_with_api(client, "Leaves")
        me = (await client.get("/v1/users/me")).json()
        actor = Actor(me["id"], me["email"], me["name"], "session", "ses_1", True)
        async with here.service.uow.transaction() as session:
            await organizations.list_mine(session, actor, limit=10, after=None)
            await organizations.require_role(session, actor, "leaves", "admin")
            await repository.set_role(session, ids["organization"], actor.user_id, "viewer")
            with pytest.raises(DomainError) as refused:
                await organizations.require_role(session, actor, "leaves", "admin")
            assert refused.value.status == 403
            await repository.rename(session, ids["organization"], "Left")
            assert (await organizations.require_role(session, actor, "leaves", "viewer")).name == "Left"
            await repository.remove_member(session, ids["organization"], actor.user_id)
            with pytest.raises(DomainError) as gone:
                await organizations.require_role(session, actor, ids["organization"], "viewer")
            assert gone.value.status == 404


# The most statements that any page of the Console needs, beside the session's own: a list that asks once per row, or a
# use case that checks again what was checked, shows here.
MOST_STATEMENTS = 16


async def test_no_page_asks_more_often_than_it_has_to(database: Callable[[str], str]) -> None:
    async with portal(database("portal_api")) as here:
        client = await here.signed_up("queries@example.com")
        ids = await provider_with_api(client, "Queries")
        for number in range(5):
            await client.post(f"/v1/organizations/{ids['organization']}/projects", json={"display_name": f"P {number}"})
        browser = here.client()
        form = {"email": "queries@example.com", "password": PASSWORD, "next": "/"}
        assert (await browser.post("/sign-in", data=form, headers={"Origin": BASE})).status_code == 303
        home, api = "/console/queries", f"/console/queries/apis/{ids['api']}"
        settings = f"{home}/settings"
        pages = [
            home, f"{home}/projects/sample-project", api, f"{api}/deploy", f"{api}/monetize", f"{api}/lifecycle",
            f"{api}/insights", f"{home}/subscriptions", f"{settings}/plans", f"{settings}/plans/{ids['plan']}",
            f"{settings}/credentials/stripe", f"{home}/members", f"{home}/audit-log",
        ]  # fmt: skip
        counted = await _statements(here, browser, pages)
    assert {page: count for page, count in counted.items() if count > MOST_STATEMENTS} == {}


async def _statements(here: Portal, browser: object, pages: list[str]) -> dict[str, int]:
    told: list[str] = []

    def note(*given: object) -> None:
        told.append(str(given[2]))

    event.listen(here.service.engine.sync_engine, "before_cursor_execute", note)
    counted = {}
    for page in pages:
        told.clear()
        answer = await browser.get(page)  # type: ignore[attr-defined]
        assert answer.status_code == 200, (page, answer.text)
        counted[page] = len(told)
    return counted
