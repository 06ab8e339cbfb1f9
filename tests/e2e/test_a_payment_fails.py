"""A renewal that cannot be charged: past due, the provider's grace, 403 payment-overdue, paid, allowed again.

And what a developer does on Stripe's own pages, which must show here: a new card, a cancellation, its withdrawal.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.support.hosted_pages import DECLINED, FAILS_LATER, GOOD, card, checkout_url, pay_checkout, post
from tests.support.whole_stack import WholeStack

from journey.developer import generate, usage
from journey.expect import wait_for
from journey.state import App, Journey
from sandbox_clock import advance

WAIT = {"Prefer": "wait=10"}
LONG = 120


def subscription(journey: Journey, app: App) -> dict[str, Any]:
    return dict(journey.developer.client.get(f"/v1/subscriptions/{app.subscription_id}"))


def until(journey: Journey, app: App, what: str, holds: Any) -> dict[str, Any]:
    """The subscription, as soon as it is so."""

    def look() -> dict[str, Any] | None:
        seen = subscription(journey, app)
        return seen if holds(seen) else None

    return wait_for(what, look, seconds=LONG, pause_seconds=0.1)


def subscribe_with(journey: Journey, number: str) -> App:
    client = journey.developer.client
    application = client.post(f"/v1/portal/{journey.organization}/applications", {"name": "App"})
    app = App(application["id"])
    path = f"/v1/applications/{app.application_id}/subscriptions"
    asked = client.post(path, {"api_id": journey.api_id, "plan_id": journey.plan_id}, headers=WAIT)
    app.subscription_id = asked["id"]
    # A declined card is told on Stripe's page, and Checkout stays open for another one.
    url = checkout_url(client, app.subscription_id)
    assert pay_checkout(url, DECLINED).status_code == 402
    assert pay_checkout(url, number).status_code == 303
    until(journey, app, "active", lambda seen: seen["status"] == "active")
    generate(journey, app)
    return app


def move_to(whole: WholeStack, to: datetime) -> None:
    addresses = whole.addresses
    advance(to=to, stripe_url=addresses.stripe, bootstrap_servers=addresses.kafka, topic_prefix="")


def call(journey: Journey, app: App) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {app.access_token}"}
    answer = httpx.get(f"{journey.api_url}/things", headers=headers, timeout=30)
    if answer.status_code == 200:
        return 200, ""
    return answer.status_code, str(answer.json()["type"]).rsplit("/", 1)[-1]


def overdue(whole: WholeStack, journey: Journey) -> tuple[App, dict[str, Any]]:
    """A subscription whose renewal could not be charged, still in its grace."""
    app = subscribe_with(journey, FAILS_LATER)
    make_things(journey, app, 100)
    wait_for("usage", lambda: usage(journey, app.subscription_id)["units"] == 100, seconds=LONG)
    end = datetime.fromisoformat(subscription(journey, app)["current_period_end"])
    move_to(whole, end + timedelta(minutes=2))
    until(journey, app, "renewed", lambda seen: datetime.fromisoformat(seen["current_period_start"]) >= end)
    move_to(whole, end + timedelta(minutes=70))
    return app, until(journey, app, "past due", lambda seen: seen["status"] == "past_due")


def make_things(journey: Journey, app: App, count: int) -> None:
    """Calls to the test's own upstream."""
    with httpx.Client(headers={"Authorization": f"Bearer {app.access_token}"}, timeout=30) as client:
        assert {client.get(f"{journey.api_url}/things").status_code for _ in range(count)} == {200}


def open_invoice(journey: Journey, app: App) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        invoices = journey.developer.client.get(f"/v1/portal/{journey.organization}/billing/invoices")["data"]
        return next(
            (i for i in invoices if i["subscription_id"] == app.subscription_id and i["status"] == "open"), None
        )

    return wait_for("the open invoice", look, seconds=LONG, pause_seconds=0.1)


def portal_of(journey: Journey, app: App) -> str:
    client, path = journey.developer.client, f"/v1/subscriptions/{app.subscription_id}/billing-portal"
    asked = client.post(path, headers=WAIT)

    def settled() -> dict[str, Any] | None:
        seen = client.get(f"{path}/{asked['id']}")
        return dict(seen) if seen["status"] != "pending" else None

    opened = wait_for("the billing portal", settled, seconds=LONG, pause_seconds=0.1)
    assert opened["status"] == "opened", opened
    return str(opened["url"])


def debt(whole: WholeStack) -> None:
    journey = whole.published_api()
    provider = journey.provider.client
    path = f"/v1/organizations/{journey.organization_id}/payment-grace"
    assert provider.get(path) == {"grace_days": None}
    assert provider.put(path, {"grace_days": 2}) == {"grace_days": 2}
    app, seen = overdue(whole, journey)
    grace_until = datetime.fromisoformat(seen["grace_until"])
    assert call(journey, app) == (200, ""), "the grace that the provider set"
    invoice = open_invoice(journey, app)
    assert (invoice["total_minor"], invoice["amount_paid_minor"]) == (200, 0)

    move_to(whole, grace_until - timedelta(minutes=1))
    assert call(journey, app) == (200, "")
    move_to(whole, grace_until + timedelta(seconds=1))
    wait_for("the refusal", lambda: call(journey, app) == (403, "payment-overdue"), seconds=LONG, pause_seconds=0.1)

    page = httpx.get(portal_of(journey, app), timeout=30)
    assert "2.00 USD" in page.text
    assert post(invoice["hosted_invoice_url"], card(GOOD)).status_code == 303
    paid = until(journey, app, "active again", lambda now: now["status"] == "active")
    assert paid["grace_until"] is None
    wait_for("access", lambda: call(journey, app) == (200, ""), seconds=LONG, pause_seconds=0.1)


def portal(whole: WholeStack) -> None:
    journey = whole.published_api()
    app = subscribe_with(journey, GOOD)
    page = portal_of(journey, app)
    stripe_id = httpx.get(page, timeout=30).text.split('name="subscription" value="')[1].split('"')[0]
    assert post(page, {"action": "cancel", "subscription": stripe_id}).status_code == 303
    seen = until(journey, app, "the scheduled end", lambda now: now["cancel_at"] is not None)
    assert seen["cancel_at"] == seen["current_period_end"]
    assert post(page, {"action": "renew", "subscription": stripe_id}).status_code == 303
    until(journey, app, "the end taken back", lambda now: now["cancel_at"] is None)
    # Cancelled there and taken back here: the portal page and our own buttons are one and the same thing.
    assert post(page, {"action": "cancel", "subscription": stripe_id}).status_code == 303
    until(journey, app, "the scheduled end", lambda now: now["cancel_at"] is not None)
    journey.developer.client.post(f"/v1/subscriptions/{app.subscription_id}/resume", headers=WAIT)
    wait_for("Stripe", lambda: "renews on" in httpx.get(page, timeout=30).text, seconds=LONG, pause_seconds=0.1)

    assert post(page, {"action": "cancel", "subscription": stripe_id}).status_code == 303
    seen = until(journey, app, "the scheduled end", lambda now: now["cancel_at"] is not None)
    move_to(whole, datetime.fromisoformat(seen["cancel_at"]) + timedelta(seconds=2))
    wait_for("the refusal", lambda: call(journey, app) == (403, "subscription-ended"), seconds=LONG, pause_seconds=0.1)
    until(journey, app, "canceled", lambda now: now["status"] == "canceled")


def strangers(whole: WholeStack) -> None:
    journey = whole.published_api()
    app = subscribe_with(journey, GOOD)
    path = f"/v1/subscriptions/{app.subscription_id}/billing-portal"
    url = portal_of(journey, app)
    opened = journey.developer.client.post(path)
    stranger = journey.provider.client
    for method, address in (("POST", path), ("GET", f"{path}/{opened['id']}")):
        refused = stranger.call(method, address, expect=(404,))
        assert refused["type"].endswith("/problems/subscription-not-found") or refused["type"].endswith(
            "/problems/portal-session-not-found"
        )
    assert "/p/session/" in url
    assert journey.developer.client.get(f"{path}/{opened['id']}")["id"] == opened["id"]


@pytest.mark.timeout(600)
async def test_overdue_refused_paid_allowed(whole_stack: WholeStack) -> None:
    await asyncio.to_thread(debt, whole_stack)


@pytest.mark.timeout(600)
async def test_what_is_done_on_stripes_portal_shows_here(whole_stack: WholeStack) -> None:
    await asyncio.to_thread(portal, whole_stack)


async def test_a_billing_portal_is_its_developers_alone(whole_stack: WholeStack) -> None:
    await asyncio.to_thread(strangers, whole_stack)
