"""Keys are checked, Checkout opens or says why not, webhooks are believed only when signed."""

import json
from datetime import datetime

import httpx
import pytest
from tests.support.billing_world import BillingWorld, Sold, processes, world
from tests.support.eventually import eventually

from shared.clock import real_now
from shared.events.billing import (
    BillingPortalOpened,
    BillingPortalRefused,
    BillingPortalRequested,
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutOpened,
    CheckoutRefused,
    StripeConnected,
    StripeRefused,
    StripeSubscriptionUpdated,
)
from shared.events.subscriptions import SubscriptionState
from shared.events.topics import BILLING_COMMANDS, SUBSCRIPTIONS_STATE
from shared.ids import new_id

__all__ = ["processes", "world"]


class TestConnect:
    async def test_keys_of_one_account(self, world: BillingWorld) -> None:
        account = await world.admin("POST", "accounts")
        command = await world.ask_to_connect(account["secret_key"], account["publishable_key"])
        connected = await world.event(StripeConnected, organization_id=command.organization_id)
        assert connected.account_id == account["account"]
        assert connected.charges_enabled is True
        assert {check.outcome for check in connected.checks} == {"ok"}
        endpoints = await world.stripe(account["secret_key"], "webhook_endpoints")
        urls = [endpoint["url"] for endpoint in endpoints["data"]]
        assert urls == [f"{world.processes.webhook_url}/{command.organization_id}"]

    async def test_keys_of_two_accounts(self, world: BillingWorld) -> None:
        one, two = await world.admin("POST", "accounts"), await world.admin("POST", "accounts")
        command = await world.ask_to_connect(one["secret_key"], two["publishable_key"])
        refused = await world.event(StripeRefused, organization_id=command.organization_id)
        assert refused.problem == "stripe-keys-different-accounts"

    async def test_a_key_that_stripe_does_not_know(self, world: BillingWorld) -> None:
        command = await world.ask_to_connect("sk_test_nobodynobody", "pk_test_nobodynobody")
        refused = await world.event(StripeRefused, organization_id=command.organization_id)
        assert refused.problem == "stripe-key-invalid"

    async def test_a_key_sealed_to_somebody_else(self, world: BillingWorld) -> None:
        account = await world.admin("POST", "accounts")
        from nacl.public import PrivateKey

        mine, world.processes.sealing_key = world.processes.sealing_key, PrivateKey.generate()
        command = await world.ask_to_connect(account["secret_key"], account["publishable_key"])
        world.processes.sealing_key = mine
        refused = await world.event(StripeRefused, organization_id=command.organization_id)
        assert refused.problem == "stripe-key-invalid"


class TestCheckout:
    async def test_opens_is_paid_and_makes_a_live_subscription(self, world: BillingWorld) -> None:
        organization_id, account = await world.connect()
        state = await world.request(organization_id)
        opened = await world.event(CheckoutOpened, subscription_id=state.subscription_id)
        await world.pay(opened.url)
        completed = await world.event(CheckoutCompleted, subscription_id=state.subscription_id)
        seen = await world.event(StripeSubscriptionUpdated, subscription_id=state.subscription_id, status="active")
        assert completed.payment_status in ("paid", "no_payment_required")
        assert world.events.index(completed) < world.events.index(seen)
        (price,) = (await world.stripe(account["secret_key"], "prices"))["data"]
        assert price["unit_amount_decimal"] == "2"
        assert len((await world.stripe(account["secret_key"], "customers"))["data"]) == 1

    async def test_a_lost_answer_makes_nothing_twice(self, world: BillingWorld) -> None:
        organization_id, account = await world.connect()
        paths = ("products", "billing/meters", "prices", "customers", "checkout/sessions")
        for path in paths:
            await world.fault(f"/v1/{path}", "500_after", times=1)
        state = await world.request(organization_id)
        await world.event(CheckoutOpened, subscription_id=state.subscription_id, timeout_seconds=90)
        for path in paths:
            made = (await world.stripe(account["secret_key"], path))["data"]
            assert len(made) == 1, path

    async def test_without_stripe_it_is_refused(self, world: BillingWorld) -> None:
        state = await world.request("org_without_stripe")
        refused = await world.event(CheckoutRefused, subscription_id=state.subscription_id)
        assert refused.problem == "stripe-not-connected"

    async def test_an_account_that_may_not_charge_says_why(self, world: BillingWorld) -> None:
        organization_id, account = await world.connect()
        change = {"charges_enabled": False, "requirements": {"disabled_reason": "requirements.past_due"}}
        await world.admin("POST", f"accounts/{account['account']}", change)
        state = await world.request(organization_id)
        refused = await world.event(CheckoutRefused, subscription_id=state.subscription_id)
        assert refused.problem == "stripe-charges-disabled"
        assert "requirements.past_due" in refused.detail

    async def test_withdrawn_its_session_is_expired(self, world: BillingWorld) -> None:
        organization_id, account = await world.connect()
        state = await world.request(organization_id)
        opened = await world.event(CheckoutOpened, subscription_id=state.subscription_id)
        ended = world.changed(state, status="incomplete_expired")
        assert isinstance(ended, SubscriptionState)
        await world.write(SUBSCRIPTIONS_STATE, state.subscription_id, ended)
        await world.event(CheckoutExpired, subscription_id=state.subscription_id)
        session = await world.stripe(account["secret_key"], f"checkout/sessions/{opened.session_id}")
        assert session["status"] == "expired"


class TestWebhooks:
    async def test_a_forged_one_is_refused(self, world: BillingWorld) -> None:
        organization_id, _ = await world.connect()
        body = json.dumps({"id": "evt_1", "type": "invoice.paid", "data": {"object": {"id": "in_1"}}}).encode()
        answer = await world.webhook(organization_id, body, signature="t=1,v1=00")
        assert answer.status_code == 400
        assert answer.json()["type"].endswith("/problems/webhook-signature-invalid")

    async def test_an_unknown_organization_is_404(self, world: BillingWorld) -> None:
        answer = await world.webhook("org_nobody", b"{}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"

    async def test_a_body_without_end_is_413(self, world: BillingWorld) -> None:
        answer = await world.webhook("org_nobody", b"x" * (512 * 1024 + 1))
        assert answer.status_code == 413

    async def test_twice_out_of_order_and_under_two_ids_changes_nothing(self, world: BillingWorld) -> None:
        disorder = {"duplicate": True, "two_ids": True, "reorder": True}
        await world.admin("POST", "webhooks", disorder)
        try:
            sold = await world.sell()

            async def all_delivered() -> bool:
                return not [d for d in (await world.admin("GET", "webhooks"))["deliveries"] if d["status"] == "pending"]

            await eventually(all_delivered, timeout_seconds=30)
        finally:
            await world.admin("POST", "webhooks", dict.fromkeys(disorder, False))
        assert len(world.found(CheckoutCompleted, subscription_id=sold.subscription_id)) == 1
        seen = world.found(StripeSubscriptionUpdated, subscription_id=sold.subscription_id)
        observed = [event.observed for event in seen]
        assert observed == sorted(set(observed))


class TestRestrictedKeys:
    @pytest.mark.parametrize(
        "permission",
        [
            "product_write", "plan_write", "billing_meter_write", "billing_meter_event_write", "customer_write",
            "checkout_session_write", "customer_portal_write", "subscription_write", "invoice_write", "charge_write",
            "webhook_write",
        ],
    )  # fmt: skip
    async def test_a_missing_permission_is_named(self, world: BillingWorld, permission: str) -> None:
        account = await world.admin("POST", "accounts")
        path = f"accounts/{account['account']}/restricted_keys"
        key = await world.admin("POST", path, {"except": [permission]})
        command = await world.ask_to_connect(key["secret_key"], account["publishable_key"])
        refused = await world.event(StripeRefused, organization_id=command.organization_id)
        assert refused.problem == "stripe-permission-missing"
        assert f"({permission})" in refused.detail
        assert refused.detail.count("_write)") == 1, "only what is missing"
        await self.nothing_was_made(world, account["secret_key"])

    async def test_all_permissions_connect_and_probing_makes_nothing(self, world: BillingWorld) -> None:
        account = await world.admin("POST", "accounts")
        path = f"accounts/{account['account']}/restricted_keys"
        key = await world.admin("POST", path, {"except": ["accounts_kyc_basic_read", "setup_intent_write"]})
        command = await world.ask_to_connect(key["secret_key"], account["publishable_key"])
        connected = await world.event(StripeConnected, organization_id=command.organization_id)
        assert connected.account_id == account["account"], "Stripe's refusal names the account"
        assert connected.charges_enabled is None
        outcomes = {check.name: check.outcome for check in connected.checks}
        assert (outcomes["charges"], outcomes["permissions"], outcomes["same_account"]) == ("unknown", "ok", "unknown")
        await self.nothing_was_made(world, account["secret_key"])

    @staticmethod
    async def nothing_was_made(world: BillingWorld, secret_key: str) -> None:
        for path in ("products", "prices", "customers", "billing/meters", "billing_portal/configurations", "refunds"):
            assert (await world.stripe(secret_key, path))["data"] == [], path


class TestBillingPortal:
    async def ask(self, world: BillingWorld, sold: Sold, **changes: str) -> str:
        fields = {
            "organization_id": sold.state.organization_id,
            "subscription_id": sold.subscription_id,
            "user_id": sold.state.developer_id,
            "return_url": "http://portal.test/billing",
        }
        request = BillingPortalRequested(request_id=new_id("bp"), requested_at=real_now(), **{**fields, **changes})
        await world.write(BILLING_COMMANDS, request.subscription_id, request)
        return request.request_id

    async def test_opens_for_the_customer_and_is_configured_once(self, world: BillingWorld) -> None:
        sold = await world.sell()
        for _ in range(2):
            request_id = await self.ask(world, sold)
            opened = await world.event(BillingPortalOpened, request_id=request_id)
            async with httpx.AsyncClient() as client:
                page = await client.get(opened.url)
            assert page.status_code == 200
            assert "Cancel subscription" in page.text
        configurations = (await world.stripe(sold.secret_key, "billing_portal/configurations"))["data"]
        assert len(configurations) == 1
        assert configurations[0]["features"]["subscription_cancel"]["mode"] == "at_period_end"

    async def test_a_repeated_command_opens_nothing_twice(self, world: BillingWorld) -> None:
        sold = await world.sell()
        request_id = await self.ask(world, sold)
        await world.event(BillingPortalOpened, request_id=request_id)
        request = BillingPortalRequested(
            request_id=request_id, organization_id=sold.state.organization_id, subscription_id=sold.subscription_id,
            user_id="user", return_url="http://portal.test", requested_at=real_now(),
        )  # fmt: skip
        await world.write(BILLING_COMMANDS, request.subscription_id, request)
        other = await self.ask(world, sold)
        await world.event(BillingPortalOpened, request_id=other)
        assert len(world.found(BillingPortalOpened, request_id=request_id)) == 1

    async def test_a_cancellation_on_the_portal_is_seen_and_taken_back_here(self, world: BillingWorld) -> None:
        sold = await world.sell()
        request_id = await self.ask(world, sold)
        page = (await world.event(BillingPortalOpened, request_id=request_id)).url
        async with httpx.AsyncClient(timeout=30) as client:
            answer = await client.post(page, data={"action": "cancel", "subscription": sold.stripe_id})
        assert answer.status_code == 303

        def scheduled() -> datetime | None:
            found = world.found(StripeSubscriptionUpdated, subscription_id=sold.subscription_id)
            return found[-1].cancel_at

        cancel_at = await eventually(scheduled, timeout_seconds=40)
        # A state that has not seen it yet is no order to undo it.
        lagging = world.changed(sold.state, success_url="http://127.0.0.1:1/other")
        mirrored = world.changed(lagging, cancel_at=cancel_at)
        for state in (lagging, mirrored):
            await world.write(SUBSCRIPTIONS_STATE, state.subscription_id, state)
        witness = await self.ask(world, sold)
        await world.event(BillingPortalOpened, request_id=witness)
        at_stripe = await world.stripe(sold.secret_key, f"subscriptions/{sold.stripe_id}")
        assert at_stripe["cancel_at"] == int(cancel_at.timestamp())
        resumed = world.changed(mirrored, cancel_at=None)
        await world.write(SUBSCRIPTIONS_STATE, resumed.subscription_id, resumed)

        async def taken_back() -> bool:
            seen = await world.stripe(sold.secret_key, f"subscriptions/{sold.stripe_id}")
            return seen["cancel_at"] is None

        await eventually(taken_back, timeout_seconds=40, message="the end taken back at Stripe")

    async def test_why_there_is_none(self, world: BillingWorld) -> None:
        sold = await world.sell()
        wrong = await self.ask(world, sold, organization_id="org_nobody")
        assert (await world.event(BillingPortalRefused, request_id=wrong)).problem == "stripe-not-connected"
        unknown = await self.ask(world, sold, subscription_id="sub_nobody")
        assert (await world.event(BillingPortalRefused, request_id=unknown)).problem == "nothing-to-manage"
        await world.admin("POST", f"accounts/{sold.account}/roll_keys")
        rolled = await self.ask(world, sold)
        assert (await world.event(BillingPortalRefused, request_id=rolled)).problem == "stripe-key-invalid"
