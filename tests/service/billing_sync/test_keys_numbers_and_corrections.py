"""Keys stay secret, numbers may be large, webhooks repeated or lost do no harm, and a correction is really paid."""

import json
from collections.abc import Sequence
from datetime import timedelta

import asyncpg
import stripe
from tests.support.billing_world import BillingWorld, processes, world
from tests.support.eventually import eventually

from shared.events.billing import (
    CheckoutCompleted,
    CheckoutOpened,
    StripeSubscriptionClosed,
    StripeSubscriptionUpdated,
    UsageReported,
)
from shared.events.topics import SUBSCRIPTIONS_STATE

__all__ = ["processes", "world"]


async def query(database_url: str, statement: str, *arguments: object) -> Sequence[asyncpg.Record]:
    """Read billing-sync's database."""
    connection = await asyncpg.connect(database_url)
    try:
        return await connection.fetch(statement, *arguments)
    finally:
        await connection.close()


async def test_keys_rest_encrypted_and_no_secret_is_logged(world: BillingWorld) -> None:
    organization_id, account = await world.connect()
    ((sealed, secret_key, webhook_secret),) = await query(
        world.processes.database_url,
        "select c.sealed_secret_key, a.secret_key, a.webhook_secret from stripe_accounts a"
        " join stripe_connections c using (connection_id) where a.organization_id = $1",
        organization_id,
    )
    assert sealed == "", "the sealed key is erased once it has been checked"
    assert account["secret_key"].encode() not in secret_key
    assert not webhook_secret.startswith(b"whsec_")
    log = world.processes.service.log_text()
    assert [line for line in log.splitlines() if "_secret_" in line or account["secret_key"] in line] == []


async def test_more_units_than_32_bits_hold_are_told(world: BillingWorld) -> None:
    sold = await world.sell()
    units = 2**32 + 1
    await world.use(sold, units)
    await world.event(UsageReported, subscription_id=sold.subscription_id, reported_units=units)
    assert await world.at_stripe(sold) == units


async def test_a_repeated_webhook_is_answered_and_requests_no_work(world: BillingWorld) -> None:
    sold = await world.sell()
    organization_id, url = sold.state.organization_id, world.processes.database_url

    async def delivered() -> Sequence[asyncpg.Record]:
        kind = "checkout.session.completed"
        statement = "select event_id, payload from stripe_events where organization_id = $1 and kind = $2"
        return await query(url, statement, organization_id, kind)

    (row,) = await eventually(delivered)
    key = f"{organization_id}/{json.loads(row['payload'])['data']['object']['id']}"
    before = await query(url, "select wanted from jobs where key = $1", key)
    await world.admin("POST", f"events/{row['event_id']}/resend", {})

    async def answered_twice() -> bool:
        deliveries = (await world.admin("GET", "webhooks"))["deliveries"]
        return [d["status"] for d in deliveries if d["event"] == row["event_id"]] == ["delivered", "delivered"]

    await eventually(answered_twice)
    assert await query(url, "select wanted from jobs where key = $1", key) == before
    assert len(world.found(CheckoutCompleted, subscription_id=sold.subscription_id)) == 1


async def test_a_payment_whose_webhooks_are_lost_is_found(world: BillingWorld) -> None:
    organization_id, account = await world.connect()
    state = await world.request(organization_id)
    opened = await world.event(CheckoutOpened, subscription_id=state.subscription_id)
    v1 = stripe.StripeClient(account["secret_key"], base_addresses={"api": world.processes.stripe_url}).v1
    for endpoint in v1.webhook_endpoints.list().data:
        v1.webhook_endpoints.delete(endpoint.id)
    await world.pay(opened.url)
    await world.move_clock(await world.now() + timedelta(minutes=16))
    await world.event(CheckoutCompleted, subscription_id=state.subscription_id, timeout_seconds=20)
    await world.event(StripeSubscriptionUpdated, subscription_id=state.subscription_id, status="active")


async def test_usage_that_no_final_invoice_bills_is_paid_by_the_subscriptions_card(world: BillingWorld) -> None:
    """Somebody deletes the subscription in Stripe's dashboard, which bills nothing; then it is cancelled here."""
    sold = await world.sell()
    await world.use(sold, 100)
    await world.event(UsageReported, subscription_id=sold.subscription_id, reported_units=100)
    v1 = stripe.StripeClient(sold.secret_key, base_addresses={"api": world.processes.stripe_url}).v1
    v1.subscriptions.cancel(sold.stripe_id)
    at = await world.now()
    canceling = world.changed(sold.state, status="canceling", access_ended_at=at)
    await world.write(SUBSCRIPTIONS_STATE, sold.subscription_id, canceling)
    await world.complete(at)
    closed = await world.event(StripeSubscriptionClosed, subscription_id=sold.subscription_id)
    (invoice,) = v1.invoices.list().data
    assert (closed.verified, closed.final_invoice_id) == (True, invoice.id)
    assert (invoice.status, invoice.total, invoice.amount_paid) == ("paid", 200, 200)
