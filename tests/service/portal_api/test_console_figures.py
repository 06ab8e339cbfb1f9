"""What the Console says of money, freshness, Stripe's news and deployments, from real rows."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from sqlalchemy import text
from tests.support.portal import BASE, PASSWORD, Portal, created, portal, provider_with_api

from portal_api.billing.adapters.provider_store import PostgresProviderView
from portal_api.billing.domain.provider_view import StripeNews, monthly_fee
from shared.events.catalog import PlanVersion

_SUBSCRIPTION = """
insert into subscriptions (id, version, organization_id, application_id, developer_id, api_id, plan_id,
    plan_version_number, status, paid, created_at, current_period_start, current_period_end, cancel_at_period_end)
select :id, 1, p.organization_id, 'app_x', 'user_x', 'api_x', p.id, v.number, :status, true, now(), :start, :end, false
from plans p join plan_versions v on v.plan_id = p.id where p.id = :plan
"""
_TOTAL = """
insert into usage_totals select id, current_period_start, plan_version_number, 'production', true, :units, :units, now()
from subscriptions where id = :id
"""
START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
END = START + timedelta(days=30)


@pytest.fixture(scope="module")
def database_url(database: Callable[[str], str]) -> str:
    return database("portal_api")


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Portal]:
    async with portal(database_url) as running:
        yield running


async def browser(here: Portal, email: str) -> httpx.AsyncClient:
    found = here.client()
    form = {"email": email, "password": PASSWORD, "next": "/"}
    assert (await found.post("/sign-in", data=form, headers={"Origin": BASE})).status_code == 303
    return found


async def subscribe(here: Portal, plan: str, statuses: dict[str, int], name: str) -> None:
    """Rows as the read model has them: how many billed calls each subscription made."""
    async with here.service.uow.transaction() as session:
        for number, (status, units) in enumerate(statuses.items()):
            values = {"id": f"sub_{name}{number}", "plan": plan, "status": status, "start": START, "end": END}
            await session.execute(text(_SUBSCRIPTION), values)
            await session.execute(text(_TOTAL), {"id": f"sub_{name}{number}", "units": units})


async def test_plans_say_what_they_bring(here: Portal) -> None:
    admin = await here.signed_up("figures@example.com")
    ids = await provider_with_api(admin, "Figures")
    plans = f"/v1/organizations/{ids['organization']}/plans"
    yearly = {"name": "Team", "pricing_model": "flat", "currency": "usd", "billing_period": "year"}
    flat = await created(await admin.post(plans, json={**yearly, "flat_amount_decimal": "120000"}))
    # The unit plan costs $0.02 a call; one that is ended brings nothing.
    await subscribe(here, ids["plan"], {"active": 150, "past_due": 50, "canceled": 0}, "unit")
    await subscribe(here, flat["id"], {"active": 0, "pending_payment": 0, "canceled": 0}, "flat")
    path = f"/v1/organizations/{ids['organization']}/plan-figures"
    found = {one["plan"]["name"]: one for one in (await created(await admin.get(path), 200))["data"]}
    unit, team = found["Pay-as-you-go"], found["Team"]
    assert (unit["subscriptions"], unit["usage_minor"], Decimal(unit["monthly_fee_decimal"])) == (2, 400, 0)
    # One fee runs, of $1,200 a year; the one that waits for its payment subscribes, but pays nothing yet.
    assert (team["subscriptions"], team["usage_minor"], Decimal(team["monthly_fee_decimal"])) == (2, 0, 10_000)
    page = (await (await browser(here, "figures@example.com")).get("/console/figures/settings/plans")).text
    assert "$100.00" in page and "$4.00" in page


@pytest.mark.parametrize(
    ("interval", "fee"), [("day", "3041.67"), ("week", "434.52"), ("month", "100"), ("year", "8.33")]
)
def test_fees_are_compared_by_the_month(interval: str, fee: str) -> None:
    version = PlanVersion(
        number=1, ordinal=1, pricing_model="flat", currency="usd", interval=interval,  # type: ignore[arg-type]
        flat_amount_decimal=Decimal(100), created_at=START,
    )  # fmt: skip
    assert round(monthly_fee(version), 2) == Decimal(fee)


async def test_figures_that_are_behind_say_so(here: Portal) -> None:
    ids = await provider_with_api(await here.signed_up("behind@example.com"), "Behind")
    person = await browser(here, "behind@example.com")
    api = ids["api"]
    pages = ["/console/behind", f"/console/behind/apis/{api}/insights"]
    for minutes, is_behind in ((0, False), (5, True)):
        until = datetime.now(UTC) - timedelta(minutes=minutes)
        async with here.service.uow.transaction() as session:
            await session.execute(text("delete from usage_complete"))
            await session.execute(text("insert into usage_complete values (0, :until)"), {"until": until})
        for page in pages:
            assert ("Figures are behind, as of" in (await person.get(page)).text) is is_behind


async def test_the_frame_asks_to_confirm_the_address_until_it_is(here: Portal) -> None:
    await provider_with_api(await here.signed_up("unconfirmed@example.com"), "Unconfirmed")
    person = await browser(here, "unconfirmed@example.com")
    assert "Confirm your e-mail address" in (await person.get("/console/unconfirmed/members")).text
    body = {"token": await here.link_to("unconfirmed@example.com")}
    await created(await here.client().post("/v1/email-verifications/confirm", json=body), 200)
    assert "Confirm your e-mail address" not in (await person.get("/console/unconfirmed/members")).text


async def test_the_stripe_page_says_what_was_heard_last(here: Portal) -> None:
    ids = await provider_with_api(await here.signed_up("news@example.com"), "News")
    person, view = await browser(here, "news@example.com"), PostgresProviderView()
    at = "/console/news/settings/credentials/stripe"
    async with here.service.uow.transaction() as session:
        await session.execute(
            text(
                "insert into stripe_connections (organization_id, connected, account_id, livemode, checks)"
                " values (:id, true, 'acct_1', false, '[]')"
            ),
            {"id": ids["organization"]},
        )
    page = (await person.get(at)).text
    assert "None yet: the first comes with the first Checkout" in page and ">Registered<" in page
    async with here.service.uow.transaction() as session:
        for kind, ago in (("invoice.updated", 60), ("checkout.completed", 3600)):
            news = StripeNews(kind, datetime.now(UTC) - timedelta(seconds=ago))
            await view.save_stripe_news(session, ids["organization"], news)
    page = (await person.get(at)).text
    assert "<code>invoice.updated</code>" in page and "1 minute ago" in page, "news that comes late is not the last"


async def test_who_comes_from_an_api_is_led_back_to_it(here: Portal) -> None:
    ids = await provider_with_api(await here.signed_up("way@example.com"), "Way")
    person, at = await browser(here, "way@example.com"), "/console/way/settings/credentials/stripe"
    sent = f"{at}?api={ids['api']}"
    assert f'href="{sent}"' in (await person.get(f"/console/way/apis/{ids['api']}/monetize")).text
    assert f'action="{sent}"' in (await person.get(sent)).text, "the way back outlives the form"
    async with here.service.uow.transaction() as session:
        await session.execute(
            text(
                "insert into stripe_connections (organization_id, connected, account_id, livemode, checks)"
                " values (:id, true, 'acct_1', false, '[]')"
            ),
            {"id": ids["organization"]},
        )
    back = f'href="/console/way/apis/{ids["api"]}/lifecycle"'
    page = (await person.get(sent)).text
    assert "Next: Lifecycle" in page and back in page
    assert "Next: Lifecycle" not in (await person.get(at)).text
    elsewhere = (await person.get(at, params={"api": "../../../elsewhere"})).text
    assert "elsewhere" not in elsewhere, "no address can be smuggled in"


async def test_a_deployment_is_followed_to_the_bus(here: Portal) -> None:
    admin = await here.signed_up("progress@example.com")
    ids = await provider_with_api(admin, "Progress")
    await created(await admin.post(f"/v1/apis/{ids['api']}/deployments", json={}))
    person, at = await browser(here, "progress@example.com"), f"/console/progress/apis/{ids['api']}/deploy"
    # Nothing relays the outbox in this test: the state stays on its way until it is taken out.
    assert "On its way to the gateways" in (await person.get(at)).text
    async with here.service.uow.transaction() as session:
        await session.execute(text("delete from outbox"))
    page = (await person.get(at)).text
    assert "Handed to the gateways" in page and "On its way" not in page
    assert f'hx-sse:connect="{at}/live"' in page
