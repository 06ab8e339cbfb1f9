"""Stripe is told each unit once, whatever fails, and every invoice equals the ledger."""

import signal
from datetime import timedelta

import pytest
from tests.support.billing_world import BillingWorld, Sold, processes, world
from tests.support.eventually import eventually

from shared.events.billing import InvoiceUpdated, StripeSubscriptionClosed, UsageReported
from shared.events.topics import SUBSCRIPTIONS_STATE

__all__ = ["processes", "world"]


class TestUsage:
    async def test_is_reported_exactly(self, world: BillingWorld) -> None:
        sold = await world.sell()
        await world.use(sold, 40)
        await world.use(sold, 7, operation=2)
        await world.use(sold, 1000, operation=3, billable=False)
        await world.use(sold, 100, revision=2)
        await world.use(sold, 40, revision=1)  # an old revision, late
        await world.event(UsageReported, subscription_id=sold.subscription_id, counted_units=107, reported_units=107)
        await world.wait_until_stripe_has(sold, 107)

    @pytest.mark.parametrize("mode", ["500_after", "500_before", "409", "429", "timeout_after"])
    async def test_is_reported_once_when_stripe_fails(self, world: BillingWorld, mode: str) -> None:
        sold = await world.sell()
        body = {"method": "POST", "path": "/v1/billing/meter_events", "mode": mode, "times": 2, "seconds": 1}
        await world.admin("POST", "faults", body)
        await world.use(sold, 25)
        await world.event(UsageReported, subscription_id=sold.subscription_id, reported_units=25)
        await world.use(sold, 60, revision=2)
        await world.event(UsageReported, subscription_id=sold.subscription_id, reported_units=60)
        assert await world.at_stripe(sold) == 60

    async def test_is_reported_once_when_killed_between_send_and_mark(self, world: BillingWorld) -> None:
        """The double does the work and then does not answer: the process dies waiting."""
        sold = await world.sell()
        body = {"method": "POST", "path": "/v1/billing/meter_events", "mode": "timeout_after", "times": 1}
        await world.admin("POST", "faults", {**body, "seconds": 60})
        await world.use(sold, 33)
        await world.wait_until_stripe_has(sold, 33)
        assert not world.found(UsageReported, subscription_id=sold.subscription_id, reported_units=33)
        world.processes.service.stop(signal.SIGKILL)
        world.processes.service.start()
        await world.processes.service.ready()
        await world.use(sold, 50, revision=2)
        await world.event(UsageReported, subscription_id=sold.subscription_id, reported_units=50, timeout_seconds=60)
        assert await world.at_stripe(sold) == 50


async def cancel_now(world: BillingWorld, sold: Sold) -> StripeSubscriptionClosed:
    """What subscriptions says after "cancel now", and metering after that."""
    ended_at = await world.now()
    state = world.changed(sold.state, status="canceling", access_ended_at=ended_at)
    await world.write(SUBSCRIPTIONS_STATE, sold.subscription_id, state)
    await world.complete(ended_at + timedelta(seconds=1))
    return await world.event(StripeSubscriptionClosed, subscription_id=sold.subscription_id, timeout_seconds=90)


class TestCancelNow:
    async def test_the_final_invoice_is_exact_and_paid(self, world: BillingWorld) -> None:
        sold = await world.sell()
        await world.use(sold, 150)
        closed = await cancel_now(world, sold)
        assert (closed.verified, closed.reported_units) == (True, 150)
        invoice = await world.event(InvoiceUpdated, invoice_id=closed.final_invoice_id, status="paid")
        assert invoice.total_minor == 300
        subscription = await world.stripe(sold.secret_key, f"subscriptions/{sold.stripe_id}")
        assert subscription["status"] == "canceled"

    async def test_without_usage_there_is_nothing_to_bill(self, world: BillingWorld) -> None:
        sold = await world.sell()
        closed = await cancel_now(world, sold)
        assert (closed.verified, closed.reported_units) == (True, 0)
        invoices = world.found(InvoiceUpdated, subscription_id=sold.subscription_id)
        assert sum(invoice.total_minor for invoice in invoices) == 0

    async def test_a_lost_answer_to_the_deletion_bills_once(self, world: BillingWorld) -> None:
        sold = await world.sell()
        await world.use(sold, 80)
        await world.event(UsageReported, subscription_id=sold.subscription_id, reported_units=80)
        await world.fault(f"/v1/subscriptions/{sold.stripe_id}", "500_after", times=1, method="DELETE")
        await world.fault("/v1/invoices/*/finalize", "500_after", times=1)
        closed = await cancel_now(world, sold)
        assert closed.verified
        invoices = (await world.stripe(sold.secret_key, "invoices"))["data"]
        assert sum(invoice["total"] for invoice in invoices) == 160


class TestRenewal:
    async def test_a_draft_that_could_not_be_held_yet_is_not_finalized(self, world: BillingWorld) -> None:
        sold = await world.sell()
        await world.use(sold, 100)
        await world.event(UsageReported, subscription_id=sold.subscription_id, reported_units=100)
        # As slow as under ten thousand renewals at once: what the webhook asks for is not done.
        await world.fault("/v1/invoices/*", "500_before", times=10_000, method="GET")
        await world.move_clock(sold.period_end + timedelta(seconds=30))

        async def creation_was_refused() -> bool:
            deliveries = (await world.admin("GET", "webhooks"))["deliveries"]
            return any(one["type"] == "invoice.created" and one["last_error"] for one in deliveries)

        await eventually(creation_was_refused, timeout_seconds=40, message="invoice.created is not answered 2xx")
        await world.move_clock(sold.period_end + timedelta(hours=3))
        await world.use(sold, 130, revision=2)
        await world.complete(sold.period_end + timedelta(seconds=5))
        await world.admin("DELETE", "faults")
        paid = await world.event(
            InvoiceUpdated, subscription_id=sold.subscription_id, billing_reason="subscription_cycle", status="paid"
        )
        assert paid.total_minor == 260

    async def test_the_draft_waits_for_usage_that_comes_after_the_period(self, world: BillingWorld) -> None:
        sold = await world.sell()
        await world.use(sold, 100)
        await world.event(UsageReported, subscription_id=sold.subscription_id, reported_units=100)
        await world.move_clock(sold.period_end + timedelta(seconds=30))
        draft = await world.event(
            InvoiceUpdated,
            subscription_id=sold.subscription_id,
            status="draft",
            billing_reason="subscription_cycle",
        )
        await world.use(sold, 130, revision=2)
        await world.complete(sold.period_end + timedelta(seconds=5))
        await world.event(UsageReported, subscription_id=sold.subscription_id, reported_units=130)
        await world.wait_until_stripe_has(sold, 130)

        async def advances() -> bool:
            invoice = await world.stripe(sold.secret_key, f"invoices/{draft.invoice_id}")
            return bool(invoice["auto_advance"])

        await eventually(advances, timeout_seconds=40, message="auto_advance restored")
        await world.move_clock(sold.period_end + timedelta(hours=3))
        paid = await world.event(InvoiceUpdated, invoice_id=draft.invoice_id, status="paid")
        assert paid.total_minor == 260
