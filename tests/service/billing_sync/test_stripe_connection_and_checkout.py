"""Keys, Checkout, webhooks and cancelling, on real Kafka, PostgreSQL and a Stripe double."""

import hashlib
import hmac
import json
from typing import Any

import httpx
from tests.contracts.stripe.conftest import DoubleProcess
from tests.service.billing_sync.conftest import Provider
from tests.support.billing_process import BillingBus, BillingProcess, query
from tests.support.eventually import eventually

from shared.clock import real_now
from shared.events.billing import (
    CheckoutCompleted,
    InvoiceUpdated,
    StripeConnected,
    StripeRefused,
    StripeSubscriptionClosed,
    StripeSubscriptionUpdated,
    UsageReported,
)


async def test_the_right_keys_connect_and_nothing_readable_is_kept(provider: Provider, billing: BillingProcess) -> None:
    connected = await provider.connect()
    assert (connected.account_id, connected.livemode) == (provider.keys["account"], False)
    assert {check.name: check.outcome for check in connected.checks} == {
        "mode": "ok", "charges": "ok", "permissions": "ok", "same_account": "ok",
    }  # fmt: skip
    (endpoint,) = provider.stripe.webhook_endpoints.list().data
    assert endpoint.url == f"{billing.url}/webhooks/stripe/{provider.organization_id}"
    rows = await query(
        billing.database_url,
        "select c.sealed_secret_key, a.secret_key, a.status from stripe_connections c"
        " join stripe_accounts a using (connection_id) where connection_id = $1",
        connected.connection_id,
    )
    ((sealed, stored, status),) = [tuple(row) for row in rows]
    assert (sealed, status) == ("", "connected")
    assert provider.keys["secret_key"].encode() not in stored
    await provider.connect()
    assert len(provider.stripe.webhook_endpoints.list().data) == 1, "connecting again reuses the endpoint"


async def test_keys_of_two_accounts_are_refused(provider: Provider, double: DoubleProcess, bus: BillingBus) -> None:
    other = double.admin("accounts", {})
    connection_id = await provider.ask_to_connect(provider.keys["secret_key"], other["publishable_key"])
    refused = await bus.wait_for(StripeRefused, connection_id=connection_id)
    assert refused.problem == "stripe-keys-different-accounts"
    assert provider.stripe.webhook_endpoints.list().data == []
    assert await bus.find(StripeConnected, connection_id=connection_id) == []


async def test_a_key_sealed_to_somebody_else_and_an_unknown_key_are_refused(provider: Provider, bus: BillingBus) -> None:
    unknown = await provider.ask_to_connect("sk_test_nobodyknowsthiskey", provider.keys["publishable_key"])
    assert (await bus.wait_for(StripeRefused, connection_id=unknown)).problem == "stripe-key-invalid"


async def test_checkout_opens_is_paid_by_the_form_and_becomes_active(provider: Provider, bus: BillingBus) -> None:
    await provider.connect()
    await provider.offer()
    opened = await provider.open_checkout()
    paid = await provider.pay(opened)
    completed = await bus.wait_for(CheckoutCompleted, subscription_id=paid.subscription_id)
    assert (completed.session_id, completed.payment_status) == (opened.session_id, "paid")
    seen = await bus.find(StripeSubscriptionUpdated, subscription_id=paid.subscription_id)
    assert [event.observed for event in seen] == list(range(1, len(seen) + 1))
    assert seen[-1].current_period_end > seen[-1].current_period_start


def _signed(payload: bytes, secret: str) -> dict[str, str]:
    at = int(real_now().timestamp())
    mac = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256)
    return {"Stripe-Signature": f"t={at},v1={mac.hexdigest()}"}


async def test_a_webhook_is_believed_only_with_its_signature_and_once(
    provider: Provider, billing: BillingProcess, double: DoubleProcess, bus: BillingBus
) -> None:
    paid = await provider.subscribed()
    address = f"{billing.url}/webhooks/stripe/{provider.organization_id}"
    event: dict[str, Any] = {"id": "evt_forged", "type": "customer.subscription.updated"}
    payload = json.dumps(event | {"data": {"object": {"id": paid.stripe_id}}}).encode()
    forged = httpx.post(address, content=payload, headers=_signed(payload, "whsec_not_the_secret"))
    assert (forged.status_code, forged.json()["type"].rsplit("/", 1)[-1]) == (400, "webhook-signature-invalid")
    assert httpx.post(address, content=payload).status_code == 400
    nobody = httpx.post(f"{billing.url}/webhooks/stripe/org_nobody", content=payload)
    assert (nobody.status_code, nobody.headers["content-type"]) == (404, "application/problem+json")

    stored = "select event_id, payload from stripe_events where organization_id = $1 and kind = $2"

    async def delivered() -> Any:
        return await query(
            billing.database_url, stored, provider.organization_id, "checkout.session.completed"
        )  # the double's delivery

    (row,) = await eventually(delivered)
    wanted = "select sum(wanted) as wanted from jobs where key = $1"
    session_key = f"{provider.organization_id}/{json.loads(row['payload'])['data']['object']['id']}"
    before = await query(billing.database_url, wanted, session_key)
    count = len(await bus.find(CheckoutCompleted, subscription_id=paid.subscription_id))
    double.admin(f"events/{row['event_id']}/resend", {})

    async def sent_again() -> bool:
        deliveries = double.admin("webhooks")["deliveries"]
        mine = [d["status"] for d in deliveries if d["event"] == row["event_id"]]
        return mine == ["delivered", "delivered"]

    await eventually(sent_again, message="the event was not answered with 2xx twice")
    assert await query(billing.database_url, wanted, session_key) == before, "a repeat requests no work"
    assert len(await bus.find(CheckoutCompleted, subscription_id=paid.subscription_id)) == count


async def _reported(provider: Provider, bus: BillingBus, units: int) -> Any:
    paid = await provider.subscribed()
    await provider.count(paid, units, 1)
    await bus.wait_for(UsageReported, subscription_id=paid.subscription_id, reported_units=units)
    return paid


async def test_cancelling_now_bills_exactly_what_was_counted(provider: Provider, bus: BillingBus) -> None:
    paid = await _reported(provider, bus, 60)
    await provider.count(paid, 100, 2)
    at = real_now()
    await provider.say(paid.subscription_id, "canceling", access_ended_at=at)
    await provider.count(paid, 120, 3)
    await bus.complete(at)
    closed = await bus.wait_for(StripeSubscriptionClosed, subscription_id=paid.subscription_id)
    assert (closed.verified, closed.reported_units) == (True, 120)
    assert closed.final_invoice_id is not None
    invoice = provider.stripe.invoices.retrieve(closed.final_invoice_id)
    assert (invoice.status, invoice.total, invoice.amount_paid) == ("paid", 240, 240)
    assert provider.stripe.subscriptions.retrieve(paid.stripe_id).status == "canceled"
    mirrored = await bus.wait_for(InvoiceUpdated, invoice_id=invoice.id, status="paid")
    assert (mirrored.total_minor, mirrored.subscription_id) == (240, paid.subscription_id)


async def test_usage_that_no_final_invoice_bills_is_billed_and_paid_by_the_subscriptions_card(
    provider: Provider, bus: BillingBus
) -> None:
    """Somebody deleted the subscription in Stripe's dashboard, which bills nothing; then it is cancelled here."""
    paid = await _reported(provider, bus, 100)
    at = real_now()
    provider.stripe.subscriptions.cancel(paid.stripe_id)
    await provider.say(paid.subscription_id, "canceling", access_ended_at=at)
    await bus.complete(at)
    closed = await bus.wait_for(StripeSubscriptionClosed, subscription_id=paid.subscription_id)
    (invoice,) = provider.stripe.invoices.list({"customer": paid.customer_id}).data
    assert closed.final_invoice_id == invoice.id
    assert (invoice.status, invoice.total, invoice.amount_paid) == ("paid", 200, 200)
