"""Restricted and expired keys, as Stripe refuses them."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe
from tests.contracts.stripe.conftest import DoubleProcess, Shop

Call = Callable[[stripe.StripeClient], object]
CALLS: dict[str, Call] = {
    "product_read": lambda c: c.v1.products.list(),
    "plan_read": lambda c: c.v1.prices.list(),
    "billing_meter_read": lambda c: c.v1.billing.meters.list(),
    "customer_read": lambda c: c.v1.customers.list(),
    "checkout_session_read": lambda c: c.v1.checkout.sessions.list(),
    "subscription_read": lambda c: c.v1.subscriptions.list(),
    "invoice_read": lambda c: c.v1.invoices.list(),
    "webhook_read": lambda c: c.v1.webhook_endpoints.list(),
    "customer_portal_read": lambda c: c.v1.billing_portal.configurations.list(),
    "accounts_kyc_basic_read": lambda c: c.v1.accounts.retrieve_current(),
    "product_write": lambda c: c.v1.products.create({"name": "x"}),
    "customer_write": lambda c: c.v1.customers.create({}),
    "setup_intent_write": lambda c: c.v1.setup_intents.create({}),
}


def restricted(shop: Shop, double: DoubleProcess, **body: list[str]) -> stripe.StripeClient:
    made = double.admin(f"accounts/{shop.keys['account']}/restricted_keys", dict(body))
    assert made["secret_key"].startswith("rk_test_5")
    return shop.client_with(made["secret_key"])


@pytest.mark.parametrize("permission", sorted(CALLS))
def test_a_missing_permission_is_named(shop: Shop, double: DoubleProcess, permission: str) -> None:
    client = restricted(shop, double, **{"except": [permission]})
    with pytest.raises(stripe.PermissionError) as refused:
        CALLS[permission](client)
    error = refused.value
    assert error.http_status == 403
    assert shop.keys["account"] in str(error)
    assert f"('{permission}') permissions on this key would allow this request" in str(error)


@pytest.mark.parametrize("permission", sorted(CALLS))
def test_one_permission_is_enough_for_its_call(shop: Shop, double: DoubleProcess, permission: str) -> None:
    CALLS[permission](restricted(shop, double, permissions=[permission]))


def test_the_right_to_write_includes_the_right_to_read(shop: Shop, double: DoubleProcess) -> None:
    client = restricted(shop, double, permissions=["product_write"])
    client.v1.products.create({"name": "Reading List API"})
    assert len(client.v1.products.list().data) == 1


def test_a_rolled_key_is_expired(shop: Shop, double: DoubleProcess) -> None:
    old = shop.client
    rolled = double.admin(f"accounts/{shop.keys['account']}/roll_keys", {})
    with pytest.raises(stripe.AuthenticationError, match="Expired API Key provided") as refused:
        old.v1.customers.list()
    error: Any = refused.value.json_body
    assert error["error"]["code"] == "api_key_expired"
    shop.client_with(rolled["secret_key"]).v1.customers.list()


def test_an_unknown_key_is_invalid(shop: Shop) -> None:
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key provided"):
        shop.client_with("sk_test_" + "x" * 60).v1.customers.list()
