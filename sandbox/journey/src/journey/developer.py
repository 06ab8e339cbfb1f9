"""Steps 7 to 10: what the developer does."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import httpx

from journey.checkout import GOOD, pay
from journey.expect import expect, wait_for
from journey.provider import WAIT, sign_up
from journey.state import App, Journey

UNIT_AMOUNT_MINOR = 2


def subscribe(journey: Journey) -> str:
    """Step 7."""
    sign_up(journey.developer, "Dana Developer")
    journey.first = subscribe_application(journey, "Reading List App")
    return f"{journey.first.application_id} {journey.first.subscription_id} active"


def subscribe_application(
    journey: Journey, name: str, plan_id: str = "", *, paid: bool = True, card: str = GOOD
) -> App:
    """A new application, subscribed to a plan (the journey's own if none is named) and paid for."""
    client = journey.developer.client
    plan_id = plan_id or journey.plan_id
    application = client.post(f"/v1/portal/{journey.organization}/applications", {"name": name})
    app = App(application["id"])
    subscription = client.post(
        f"/v1/applications/{app.application_id}/subscriptions",
        {"api_id": journey.api_id, "plan_id": plan_id},
        headers=WAIT,
    )
    app.subscription_id = subscription["id"]
    if paid:
        pay(_checkout_url(journey, subscription), journey.developer.email, card)
    active = wait_for(
        "the subscription becoming active",
        lambda: _if_status(journey, app.subscription_id, "active"),
        seconds=30,
    )
    expect(active["plan"]["id"] == plan_id, f"the subscription is to plan {active['plan']}")
    return app


def _checkout_url(journey: Journey, subscription: dict[str, Any]) -> str:
    """At once as a rule; later where Stripe, or this machine, is slow."""

    def opened() -> str | None:
        seen = journey.developer.client.get(f"/v1/subscriptions/{subscription['id']}")
        expect(seen["status"] in ("pending", "pending_payment"), f"no Checkout opened: {seen}")
        return seen["checkout_url"] or None

    return str(subscription["checkout_url"] or wait_for("Checkout opening", opened, seconds=60, pause_seconds=0.1))


def _if_status(journey: Journey, subscription_id: str, status: str) -> dict[str, Any] | None:
    subscription = journey.developer.client.get(f"/v1/subscriptions/{subscription_id}")
    return dict(subscription) if subscription["status"] == status else None


def generate_credentials(journey: Journey) -> str:
    """Step 8."""
    generate(journey, journey.first)
    return f"{journey.first.client_id}, access token of {len(journey.first.access_token)} characters, 3600 s"


def generate(journey: Journey, app: App) -> None:
    """Consumer key and secret, and a first access token."""
    client = journey.developer.client
    keys = client.post(f"/v1/applications/{app.application_id}/oauth-clients", {"environment": "production"})
    app.client_id, app.client_secret = keys["client_id"], keys["client_secret"]
    token = httpx.post(
        f"{journey.addresses.portal}/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(app.client_id, app.client_secret),
        timeout=30,
    )
    expect(token.status_code == 200, f"the token endpoint answered {token.status_code}: {token.text[:300]}")
    expect(token.json()["expires_in"] == 3600, f"expires_in {token.json()['expires_in']}, expected 3600")
    app.access_token = token.json()["access_token"]


def invoke(journey: Journey) -> str:
    """Step 9: one call, and then the rest of what shall be on the invoice."""
    first = call_api(journey, journey.first.access_token)
    expect(first.status_code == 200, f"{first.status_code}: {first.text[:300]}")
    books = first.json()
    expect(isinstance(books, list) and len(books) > 0, f"not a list of books: {first.text[:200]}")
    make_calls(journey, journey.first.access_token, journey.invoice_calls - 1)
    return f"200, {len(books)} books, {journey.invoice_calls} calls"


def call_api(journey: Journey, token: str | None) -> httpx.Response:
    """GET /books through the gateway."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    response = httpx.get(f"{journey.api_url}/books", headers=headers, timeout=30)
    if response.status_code < 400:
        journey.calls_made += 1
    return response


def make_calls(journey: Journey, token: str, count: int) -> None:
    """`count` calls over a few connections; every one must answer 200."""
    headers = {"Authorization": f"Bearer {token}"}

    def some(number: int) -> list[int]:
        with httpx.Client(timeout=30, headers=headers) as client:
            return [client.get(f"{journey.api_url}/books").status_code for _ in range(number)]

    shares = [count // 4 + (1 if index < count % 4 else 0) for index in range(4)]
    with ThreadPoolExecutor(4) as pool:
        statuses = [status for part in pool.map(some, shares) for status in part]
    expect(statuses == [200] * count, f"{statuses.count(200)} of {count} calls answered 200; {set(statuses)}")
    journey.calls_made += count


def usage(journey: Journey, subscription_id: str) -> dict[str, object]:
    """The subscription's entry of Billing > Usage Summary."""
    summary = journey.developer.client.get(f"/v1/portal/{journey.organization}/billing/usage-summary")
    for entry in summary["subscriptions"]:
        if entry["subscription_id"] == subscription_id:
            return dict(entry)
    return {"calls": 0, "units": 0}


def see_usage_and_invoice(journey: Journey) -> str:
    """Step 10: usage within a second; then the period ends and its invoice is exact and paid."""
    answered_at = time.monotonic()
    expected = journey.invoice_calls
    subscription = journey.first.subscription_id
    wait_for(
        f"{expected} calls in the usage summary",
        lambda: usage(journey, subscription)["units"] == expected,
        seconds=30,
    )
    journey.usage_visible_ms = round((time.monotonic() - answered_at) * 1000)
    summary = journey.developer.client.get(f"/v1/portal/{journey.organization}/billing/usage-summary")
    cost = summary["estimated_cost"]
    expect(
        cost == [c for c in cost if c["currency"] == "usd" and c["amount_minor"] == expected * UNIT_AMOUNT_MINOR],
        f"estimated cost {cost}, expected {expected * UNIT_AMOUNT_MINOR} usd minor units",
    )
    expect(summary["total_billed_api_calls"] == expected, f"total billed API calls {summary['total_billed_api_calls']}")
    _end_the_period(journey)
    invoice = wait_for("a paid invoice", lambda: _paid_invoice(journey), seconds=90, pause_seconds=0.1)
    total, currency = invoice["total_minor"], invoice["currency"]
    expect(
        total == expected * UNIT_AMOUNT_MINOR and currency == "usd",
        f"invoice {invoice['id']} is {total} {currency}, expected {expected * UNIT_AMOUNT_MINOR} usd",
    )
    journey.invoice = {
        "id": invoice["id"],
        "calls": expected,
        "amount_minor": total,
        "currency": currency,
        "status": invoice["status"],
    }
    return (
        f"{expected} calls seen after {journey.usage_visible_ms} ms, estimate ${expected * 0.02:.2f}; "
        f"invoice {invoice['id']} {invoice['status']} {total} {currency}"
    )


def _end_the_period(journey: Journey) -> None:
    """Let business time pass: first a moment past the period's end, then past Stripe's hour before finalization."""
    from sandbox_clock import advance

    subscription = journey.developer.client.get(f"/v1/subscriptions/{journey.first.subscription_id}")
    end = datetime.fromisoformat(str(subscription["current_period_end"]))
    journey.period_end = end
    addresses = journey.addresses
    advance(
        to=end + timedelta(minutes=2),
        stripe_url=addresses.stripe,
        bootstrap_servers=addresses.kafka,
        topic_prefix=addresses.topic_prefix,
    )
    wait_for(
        "the renewal of the subscription",
        lambda: _renewed(journey, end),
        seconds=60,
        pause_seconds=0.1,
    )
    advance(
        to=end + timedelta(minutes=70),
        stripe_url=addresses.stripe,
        bootstrap_servers=addresses.kafka,
        topic_prefix=addresses.topic_prefix,
    )


def _renewed(journey: Journey, end: datetime) -> bool:
    subscription = journey.developer.client.get(f"/v1/subscriptions/{journey.first.subscription_id}")
    return datetime.fromisoformat(str(subscription["current_period_start"])) >= end


def _paid_invoice(journey: Journey) -> dict[str, object] | None:
    invoices = journey.developer.client.get(f"/v1/portal/{journey.organization}/billing/invoices")["data"]
    for invoice in invoices:
        if invoice["subscription_id"] == journey.first.subscription_id and invoice["status"] == "paid":
            return dict(invoice)
    return None


def keep_a_second_application(journey: Journey) -> None:
    """For trying by hand: its subscription stays live after the first one was cancelled."""
    journey.second = subscribe_application(journey, "My App")
    generate(journey, journey.second)
