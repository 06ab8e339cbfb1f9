"""Payment details, what follows a failed payment and when, and the way to Stripe's billing portal, as pages say it."""

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from tests.support.containers import DatabaseFactory
from tests.support.eventually import eventually
from tests.support.portal_service import Offer, Person, PortalService, running_portal
from tests.support.subscribers import END, START, state, subscribed

from shared.clock import real_now
from shared.events.billing import BillingPortalOpened, BillingPortalRefused, BillingPortalRequested, InvoiceUpdated
from shared.events.envelope import decode
from shared.events.subscriptions import PaymentGraceSet, SubscriptionRequested
from shared.events.topics import BILLING_COMMANDS, BILLING_EVENTS, SUBSCRIPTIONS_COMMANDS, SUBSCRIPTIONS_STATE


@pytest.fixture(scope="module")
def database_url(database: DatabaseFactory) -> str:
    return database("portal_payment")


@pytest.fixture
async def service(kafka_bootstrap: str, topic_prefix: str, database_url: str) -> AsyncIterator[PortalService]:
    async with running_portal(kafka_bootstrap, topic_prefix, database_url) as running:
        yield running


async def signed_in(service: PortalService, person: Person) -> httpx.AsyncClient:
    form = {"email": person.email, "password": person.password, "next": "/"}
    assert (await service.client.post("/sign-in", data=form)).status_code == 303
    return service.client


async def shows(client: httpx.AsyncClient, path: str, *texts: str) -> str:
    """The page, as soon as it has all of these."""

    async def look() -> str | None:
        answer = await client.get(path)
        plain = unescape(" ".join(re.sub(r"<[^>]+>", " ", answer.text).split()))
        return answer.text if all(text in plain for text in texts) else None

    return await eventually(look, message=f"{texts} on {path}")


def token_of(page: str) -> dict[str, str]:
    found = re.search(r'name="csrf_token" value="([0-9a-f]+)"', page)
    assert found is not None
    return {"csrf_token": found.group(1)}


async def fails(service: PortalService, command: SubscriptionRequested, grace_until: datetime, **changes: Any) -> None:
    later = state(command, 2, "past_due", grace_until=grace_until, **changes)
    await service.say(SUBSCRIPTIONS_STATE, command.subscription_id, later)


def open_invoice(offer: Offer, developer: Person, command: SubscriptionRequested) -> InvoiceUpdated:
    return InvoiceUpdated(
        invoice_id=f"in_{command.subscription_id}", organization_id=offer.organization_id, developer_id=developer.id,
        subscription_id=command.subscription_id, observed=1, status="open", currency="usd", total_minor=200,
        amount_due_minor=200, amount_paid_minor=0, lines=(), created_at=START, period_start=START, period_end=END,
        hosted_invoice_url="https://invoice.test/1",
    )  # fmt: skip


async def test_a_failed_payment_says_what_follows_and_when(service: PortalService) -> None:
    developer, offer, command = await subscribed(service)
    client, home = await signed_in(service, developer), f"/portal/{offer.organization}"
    page = await shows(client, f"{home}/billing/payment", "Open Stripe's billing portal", "Next charge")
    assert "Payment failed" not in page
    ahead = real_now().replace(microsecond=0) + timedelta(days=3)
    await fails(service, command, ahead)
    await service.say(BILLING_EVENTS, command.subscription_id, open_invoice(offer, developer, command))
    for path in ("apis", "applications", "billing", "billing/payment"):
        page = await shows(
            client, f"{home}/{path}", "Payment failed for Reading List, Pay-as-you-go (Reading List App)",
            "Calls are admitted until", "they are refused with 403 payment-overdue", "Pay the invoice: $2.00",
        )  # fmt: skip
        assert 'href="https://invoice.test/1"' in page, "the banner leads to where one pays, not to a list"
        assert ahead.strftime("%Y-%m-%dT%H:%M") in page, "the date is told to the minute"
    page = await shows(client, f"{home}/billing/payment", "Past due", "Overdue", "$2.00", "calls admitted until")
    assert 'href="https://invoice.test/1"' in page
    # The grace is over: access has ended, and the page says so.
    over = real_now() - timedelta(minutes=5)
    await service.say(SUBSCRIPTIONS_STATE, command.subscription_id, state(command, 3, "past_due", grace_until=over))
    await shows(client, f"{home}/apis", "Calls are refused with 403 payment-overdue since", "admitted again as soon as")
    await shows(client, f"{home}/billing/subscriptions/{command.subscription_id}", "calls refused since")
    await service.say(SUBSCRIPTIONS_STATE, command.subscription_id, state(command, 4, "active"))

    async def quiet() -> bool:
        return "Payment failed" not in (await client.get(f"{home}/apis")).text

    await eventually(quiet)


async def test_the_billing_portal_opens_by_a_button_and_says_when_it_cannot(service: PortalService) -> None:
    developer, offer, command = await subscribed(service)
    client, home = await signed_in(service, developer), f"/portal/{offer.organization}"
    page = await shows(client, f"{home}/billing/payment", "Open Stripe's billing portal")
    target = f"{home}/billing/subscriptions/{command.subscription_id}/payment"
    assert f'action="{target}"' in page
    assert (await client.post(target)).status_code == 403, "without the page's CSRF token"
    asked = await client.post(target, data=token_of(page))
    assert asked.status_code == 303
    way = asked.headers["location"]
    await shows(client, way, "Asking Stripe for your page")
    record = (await service.heard(BILLING_COMMANDS, command.subscription_id))[-1]
    order = decode(record, BillingPortalRequested)
    assert order.return_url == f"http://portal.test{home}/billing/payment"
    opened = BillingPortalOpened(
        request_id=order.request_id, subscription_id=command.subscription_id, url="https://billing.test/p/1"
    )
    await service.say(BILLING_EVENTS, command.subscription_id, opened)
    page = await shows(client, way, "Go to Stripe")
    assert 'href="https://billing.test/p/1"' in page
    # Another time Stripe refuses: cause, and what to do.
    way = (await client.post(target, data=token_of(page))).headers["location"]
    wish = way.rpartition("/")[2]
    refused = BillingPortalRefused(
        request_id=wish, subscription_id=command.subscription_id, problem="stripe-permission-missing",
        detail="The key may not open the customer portal.",
    )  # fmt: skip
    await service.say(BILLING_EVENTS, command.subscription_id, refused)
    page = await shows(client, way, "Stripe did not open it", "The key may not open the customer portal.")
    assert 'href="/problems/stripe-permission-missing"' in page


async def test_a_first_payment_that_the_bank_stops_says_the_next_step(service: PortalService) -> None:
    developer, offer, command = await subscribed(service, status="incomplete")
    client, home = await signed_in(service, developer), f"/portal/{offer.organization}"
    progress = f"{home}/subscriptions/{command.subscription_id}"
    await shows(client, f"{progress}?paid=1", "One more step at your bank", "3-D Secure", "Pay the invoice")
    await shows(client, f"{home}/billing/subscriptions/{command.subscription_id}", "The first payment is not complete")


async def test_nobody_needs_a_card_for_nothing(service: PortalService) -> None:
    _, offer, command = await subscribed(service)
    stranger = await service.user("stranger")
    client = await signed_in(service, stranger)
    page = await shows(client, f"/portal/{offer.organization}/billing/payment", "No card is needed yet")
    target = f"/portal/{offer.organization}/billing/subscriptions/{command.subscription_id}/payment"
    assert (await client.post(target, data=token_of(page))).status_code == 404


async def test_the_provider_says_how_long_access_lasts(service: PortalService) -> None:
    provider = await service.user("provider")
    offer = await service.published_api(provider, plan={"name": "Free", "pricing_model": "free"})
    client, path = await signed_in(service, provider), f"/console/{offer.organization}/settings/payments"
    page = await shows(client, path, "When a payment fails", "the operator's default holds")
    for wrong in ("", "many", "-1", "61"):
        refused = await client.post(path, data=token_of(page) | {"grace_days": wrong})
        assert (refused.status_code, "aria-invalid" in refused.text) == (422, True), wrong
    assert await service.sql("select * from payment_graces where organization_id = :id", id=offer.organization_id) == []
    saved = await client.post(path, data=token_of(page) | {"grace_days": "5"})
    assert saved.status_code == 303
    page = await shows(client, path, "5 days of grace")
    assert 'value="5"' in page
    order = decode((await service.heard(SUBSCRIPTIONS_COMMANDS, offer.organization_id))[0], PaymentGraceSet)
    assert order.grace_days == 5
