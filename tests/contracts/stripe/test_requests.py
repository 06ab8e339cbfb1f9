"""Keys, parameters, idempotency, paging and faults as the SDK meets them."""

import time
from decimal import Decimal
from typing import Any

import httpx
import pytest
import stripe
from tests.contracts.stripe.conftest import DoubleProcess, Shop, wait_until

from stripe_double.config import Config


def refused(call: Any, *arguments: Any) -> stripe.StripeError:
    """The SDK's exception of a call that must fail."""
    with pytest.raises(stripe.StripeError) as caught:
        call(*arguments)
    return caught.value


class TestKeys:
    def test_an_unknown_key_is_401(self, shop: Shop) -> None:
        error = refused(shop.client_with("sk_test_unknown").v1.accounts.retrieve_current)
        assert isinstance(error, stripe.AuthenticationError)

    def test_both_keys_carry_the_accounts_id(self, shop: Shop) -> None:
        account = shop.v1.accounts.retrieve_current()
        fragment = "5" + account.id.removeprefix("acct_")
        assert shop.keys["secret_key"].startswith(f"sk_test_{fragment}")
        assert shop.keys["publishable_key"].startswith(f"pk_test_{fragment}")
        assert len(fragment) == 17

    def test_a_setup_intent_proves_that_two_keys_belong_together(self, shop: Shop, double: DoubleProcess) -> None:
        intent = shop.v1.setup_intents.create({"usage": "off_session"})
        params: Any = {"client_secret": intent.client_secret}
        own = shop.client_with(shop.keys["publishable_key"])
        assert own.v1.setup_intents.retrieve(intent.id, params).id == intent.id
        stranger = shop.client_with(Shop(double).keys["publishable_key"])
        assert refused(stranger.v1.setup_intents.retrieve, intent.id, params).code == "resource_missing"
        assert refused(own.v1.products.list).http_status == 403
        assert shop.v1.setup_intents.cancel(intent.id).status == "canceled"


class TestParameters:
    def test_missing_unknown_and_wrong_ones_are_named(self, shop: Shop) -> None:
        create: Any = shop.v1.prices.create
        assert (error := refused(create, {"unit_amount": 1})).code == "parameter_missing"
        assert error.param == "currency"
        assert (error := refused(create, {"currency": "usd", "colour": "red"})).code == "parameter_unknown"
        assert error.param == "colour"
        error = refused(create, {"currency": "usd", "recurring": {"interval": "fortnight"}})
        assert error.param == "recurring[interval]"
        error = refused(create, {"currency": "usd", "unit_amount": 1.5})
        assert error.code == "parameter_invalid_integer"
        error = refused(create, {"currency": "usd", "unit_amount_decimal": Decimal("0.0000001")})
        assert error.param == "unit_amount_decimal", "the SDK writes 1E-7"

    def test_what_stripe_has_and_the_double_has_not_is_refused(self, shop: Shop) -> None:
        error = refused(shop.v1.customers.create, {"email": "a@b.test", "tax": {"validate_location": "deferred"}})
        assert (error.code, error.param) == ("double_not_modelled", "tax")

    def test_a_metered_price_needs_a_meter_and_takes_no_quantity(self, shop: Shop) -> None:
        product = shop.v1.products.create({"name": "API"})
        params: Any = {"product": product.id, "currency": "usd", "unit_amount": 2}
        error = refused(shop.v1.prices.create, params | {"recurring": {"interval": "month", "usage_type": "metered"}})
        assert error.param == "recurring[meter]"
        customer = shop.v1.customers.create({})
        item = {"price": shop.metered_price(shop.meter()).id, "quantity": 1}
        assert "usage_type is `metered`" in str(refused(shop.open_checkout, customer.id, item))

    def test_an_event_name_stays_taken_for_ever(self, shop: Shop) -> None:
        meter = shop.meter()
        shop.v1.billing.meters.deactivate(meter.id)
        params: Any = {"display_name": "x", "event_name": meter.event_name, "default_aggregation": {"formula": "sum"}}
        assert refused(shop.v1.billing.meters.create, params).param == "event_name"

    def test_lists_are_paged(self, shop: Shop) -> None:
        made = [shop.v1.products.create({"name": f"p{number}"}).id for number in range(5)]
        first = shop.v1.products.list({"limit": 2})
        assert (len(first.data), first.has_more) == (2, True)
        assert [product.id for product in first.auto_paging_iter()] == made[::-1]

    def test_a_lookup_key_finds_its_price(self, shop: Shop) -> None:
        product = shop.v1.products.create({"name": "API"})
        params: Any = {"product": product.id, "currency": "usd", "unit_amount": 5, "lookup_key": "k"}
        first = shop.v1.prices.create(params)
        assert refused(shop.v1.prices.create, params).param == "lookup_key"
        second = shop.v1.prices.create(params | {"transfer_lookup_key": True})
        assert [price.id for price in shop.v1.prices.list({"lookup_keys": ["k"]}).data] == [second.id]
        assert shop.v1.prices.retrieve(first.id).lookup_key is None

    def test_tiers_are_shown_when_expanded(self, shop: Shop) -> None:
        params: Any = {
            "currency": "usd",
            "product_data": {"name": "API"},
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "tiers": [{"up_to": 100, "unit_amount": 0}, {"up_to": "inf", "unit_amount_decimal": Decimal("0.5")}],
            "recurring": {"interval": "month", "usage_type": "metered", "meter": shop.meter().id},
        }
        price = shop.v1.prices.create(params)
        assert "tiers" not in price
        tiers = shop.v1.prices.retrieve(price.id, {"expand": ["tiers"]}).tiers
        assert tiers is not None
        assert [(tier.up_to, tier.unit_amount_decimal) for tier in tiers] == [(100, Decimal(0)), (None, Decimal("0.5"))]


class TestIdempotency:
    def test_the_same_key_replays_and_other_parameters_are_refused(self, shop: Shop) -> None:
        first = shop.v1.products.create({"name": "a"}, {"idempotency_key": "k"})
        again = shop.v1.products.create({"name": "a"}, {"idempotency_key": "k"})
        assert first.id == again.id
        with pytest.raises(stripe.IdempotencyError):
            shop.v1.products.create({"name": "b"}, {"idempotency_key": "k"})

    def test_a_500_after_the_work_is_replayed_too(self, shop: Shop, double: DoubleProcess) -> None:
        double.admin("faults", {"method": "POST", "path": "/v1/products", "mode": "500_after"})
        options: Any = {"idempotency_key": "k"}
        assert refused(shop.v1.products.create, {"name": "a"}, options).http_status == 500
        assert refused(shop.v1.products.create, {"name": "a"}, options).http_status == 500
        assert [product.name for product in shop.v1.products.list().data] == ["a"], "the work was done, once"

    @pytest.mark.parametrize(("mode", "status"), [("409", 409), ("429", 429), ("500_before", 500)])
    def test_a_fault_before_the_work_leaves_nothing(
        self, shop: Shop, double: DoubleProcess, mode: str, status: int
    ) -> None:
        double.admin("faults", {"method": "POST", "path": "/v1/products", "mode": mode})
        options: Any = {"idempotency_key": "k"}
        assert refused(shop.v1.products.create, {"name": "a"}, options).http_status == status
        assert shop.v1.products.create({"name": "a"}, options).name == "a"

    @pytest.mark.parametrize(("mode", "tries"), [("429", 1), ("429_should_retry", 2), ("409", 2), ("500_before", 2)])
    def test_the_sdk_retries_what_it_is_told_to(self, shop: Shop, double: DoubleProcess, mode: str, tries: int) -> None:
        client = stripe.StripeClient(shop.keys["secret_key"], base_addresses={"api": double.url}, max_network_retries=1)
        httpx.delete(f"{double.url}/_admin/requests")
        double.admin("faults", {"method": "POST", "path": "/v1/products", "mode": mode})
        if tries == 1:
            assert refused(client.v1.products.create, {"name": "a"}).http_status == 429
        else:
            assert client.v1.products.create({"name": "a"}).name == "a"
        assert len(double.admin("requests")["requests"]) == tries

    def test_an_answer_that_never_comes_is_found_by_its_key(self, shop: Shop, double: DoubleProcess) -> None:
        impatient = stripe.StripeClient(
            shop.keys["secret_key"],
            base_addresses={"api": double.url},
            http_client=stripe.HTTPXClient(timeout=0.5, allow_sync_methods=True),
        )
        double.admin("faults", {"method": "POST", "path": "/v1/products", "mode": "timeout_after", "seconds": 1.5})
        options: Any = {"idempotency_key": "k"}
        with pytest.raises(stripe.APIConnectionError):
            impatient.v1.products.create({"name": "a"}, options)
        answer = shop.v1.products.create({"name": "a"}, options)
        assert answer.last_response is not None
        assert answer.last_response.headers["Idempotent-Replayed"] == "true"
        assert len(shop.v1.products.list().data) == 1

    def test_a_slow_answer_is_the_right_one(self, shop: Shop, double: DoubleProcess) -> None:
        double.admin("faults", {"method": "GET", "path": "/v1/products", "mode": "slow", "seconds": 0.6})
        asked_at = time.monotonic()
        assert shop.v1.products.list().data == []
        assert time.monotonic() - asked_at > 0.5


class TestMeterEvents:
    def test_an_identifier_is_an_error_for_a_day_and_counts_again_afterwards(
        self, shop: Shop, double: DoubleProcess
    ) -> None:
        meter, customer = shop.meter(), shop.v1.customers.create({}).id
        shop.use(meter, customer, 5, "same")
        error = refused(shop.use, meter, customer, 5, "same")
        assert error.http_status == 400
        assert error.user_message == "An event already exists with identifier same."
        assert {key.lower(): value for key, value in (error.headers or {}).items()}["stripe-should-retry"] == "false"
        double.admin("clock", {"advance_seconds": 24 * 3600 + 1})
        shop.use(meter, customer, 5, "same")
        totals = double.admin(f"meter_events?customer={customer}")
        assert (totals["total"], len(totals["data"])) == (10, 2)

    def test_timestamps_have_limits(self, shop: Shop, double: DoubleProcess) -> None:
        meter, customer = shop.meter(), shop.v1.customers.create({}).id
        now = int(double.admin("clock")["now_unix"])
        assert refused(shop.use, meter, customer, 1, "old", now - 36 * 86_400).code == "timestamp_too_far_in_past"
        assert refused(shop.use, meter, customer, 1, "ahead", now + 400).code == "timestamp_in_future"

    def test_an_unknown_customer_is_accepted_and_rejected_later(self, shop: Shop, double: DoubleProcess) -> None:
        shop.use(shop.meter(), "cus_nobody", 1, "lost-event")

        def report() -> Any:
            events = double.admin("thin_events")["events"]
            samples = [event["data"]["reason"]["error_types"][0] for event in events]
            return [s["code"] for s in samples if s["sample_errors"][0]["request"]["identifier"] == "lost-event"]

        assert wait_until(report) == ["meter_event_customer_not_found"]

    def test_summaries_are_minute_aligned_and_lag(self, shop: Shop) -> None:
        meter, customer = shop.meter(), shop.v1.customers.create({}).id
        params: Any = {"customer": customer, "start_time": 61, "end_time": 120}
        assert refused(shop.v1.billing.meters.event_summaries.list, meter.id, params).param == "start_time"
        asked_at = time.monotonic()
        shop.use(meter, customer, 7, "a")
        wait_until(lambda: shop.summary(meter, customer) == 7)
        assert time.monotonic() - asked_at >= Config().aggregation_lag_seconds

    def test_a_canceled_event_does_not_count(self, shop: Shop) -> None:
        meter, customer = shop.meter(), shop.v1.customers.create({}).id
        shop.use(meter, customer, 7, "a")
        shop.use(meter, customer, 1, "b")
        shop.v1.billing.meter_event_adjustments.create(
            {"event_name": meter.event_name, "type": "cancel", "cancel": {"identifier": "a"}}
        )
        wait_until(lambda: shop.summary(meter, customer) == 1)


def test_what_was_answered_survives_kill_9(shop: Shop, double: DoubleProcess) -> None:
    product = shop.v1.products.create({"name": "kept"}, {"idempotency_key": "kept"})
    offset = double.admin("clock")["offset_us"]
    double.kill()
    double.start()
    assert shop.v1.products.retrieve(product.id).name == "kept"
    assert shop.v1.products.create({"name": "kept"}, {"idempotency_key": "kept"}).id == product.id
    assert double.admin("clock")["offset_us"] == offset


def test_the_clock_runs_forward_only(double: DoubleProcess) -> None:
    offset = double.admin("clock")["offset_us"]
    answer = httpx.post(f"{double.url}/_admin/clock", json={"offset_us": offset - 1})
    assert answer.status_code == 409
