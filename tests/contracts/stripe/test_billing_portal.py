"""The customer portal: a page on which a customer cancels, resumes, changes the card and reads invoices."""

import httpx
import pytest
import stripe
from tests.contracts.stripe.conftest import DoubleProcess, Shop

FAILS_LATER = "4000 0000 0000 0341"
CARD = {"card_number": "4242 4242 4242 4242", "expiry": "12 / 34", "cvc": "123"}


def configuration(shop: Shop, *, cancel: bool = True) -> str:
    features = {
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": cancel, "mode": "at_period_end"},
    }
    return shop.v1.billing_portal.configurations.create({"features": features}).id  # type: ignore[typeddict-item]


def open_portal(shop: Shop, customer: str, configured: str) -> stripe.billing_portal.Session:
    return shop.v1.billing_portal.sessions.create(
        {"customer": customer, "configuration": configured, "return_url": "http://portal.test/billing"}
    )


def act(session: stripe.billing_portal.Session, action: str, **fields: str) -> httpx.Response:
    return httpx.post(session.url, data={"action": action, **fields}, timeout=30)


def test_cancel_at_the_periods_end_and_take_it_back(shop: Shop, double: DoubleProcess) -> None:
    meter = shop.meter()
    subscription = shop.subscribe({"price": shop.metered_price(meter).id})
    session = open_portal(shop, str(subscription.customer), configuration(shop))
    page = httpx.get(session.url)
    assert page.status_code == 200
    assert "Reading List API: active, renews on" in page.text
    assert "http://portal.test/billing" in page.text
    assert act(session, "cancel", subscription=subscription.id).status_code == 303
    after = shop.v1.subscriptions.retrieve(subscription.id)
    end = subscription["items"].data[0].current_period_end
    # Flexible billing: the portal sets cancel_at and leaves cancel_at_period_end off.
    assert (after.status, after.cancel_at, after.cancel_at_period_end) == ("active", end, False)
    assert "cancels on" in httpx.get(session.url).text
    assert act(session, "renew", subscription=subscription.id).status_code == 303
    assert shop.v1.subscriptions.retrieve(subscription.id).cancel_at is None
    act(session, "cancel", subscription=subscription.id)
    double.move_to(end + 60)
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "canceled"


def test_a_debt_is_seen_and_paid_with_a_new_card(shop: Shop, double: DoubleProcess) -> None:
    meter = shop.meter()
    subscription = shop.subscribe({"price": shop.metered_price(meter).id}, card=FAILS_LATER)
    shop.use(meter, str(subscription.customer), 100, "a")
    double.move_to(subscription["items"].data[0].current_period_end + 2 * 3600)
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    session = open_portal(shop, str(subscription.customer), configuration(shop))
    page = httpx.get(session.url).text
    assert "2.00 USD" in page
    assert "open" in page
    refused = act(session, "card", **{**CARD, "card_number": "4000 0000 0000 0002"})
    assert (refused.status_code, "Your card was declined." in refused.text) == (402, True)
    assert act(session, "card", **CARD).status_code == 303
    assert "visa ending in 4242" in httpx.get(session.url).text
    invoice = shop.v1.invoices.retrieve(str(shop.v1.subscriptions.retrieve(subscription.id).latest_invoice))
    assert invoice.hosted_invoice_url is not None
    assert "Pay 2.00 USD" in httpx.get(invoice.hosted_invoice_url).text
    assert httpx.post(invoice.hosted_invoice_url, data=CARD).status_code == 303
    assert shop.v1.invoices.retrieve(invoice.id).status == "paid"
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_without_a_configuration_there_is_no_portal(shop: Shop, double: DoubleProcess) -> None:
    customer = shop.v1.customers.create({})
    with pytest.raises(stripe.InvalidRequestError, match="default configuration has not been created"):
        shop.v1.billing_portal.sessions.create({"customer": customer.id})
    double.admin(f"accounts/{shop.keys['account']}/portal", {})
    assert shop.v1.billing_portal.sessions.create({"customer": customer.id}).url.startswith(double.url)
    (default,) = shop.v1.billing_portal.configurations.list({"is_default": True}).data
    assert default.features.invoice_history.enabled


def test_what_the_configuration_does_not_allow_is_not_there(shop: Shop) -> None:
    subscription = shop.subscribe({"price": shop.metered_price(shop.meter()).id})
    session = open_portal(shop, str(subscription.customer), configuration(shop, cancel=False))
    assert "Cancel subscription" not in httpx.get(session.url).text
    assert act(session, "cancel", subscription=subscription.id).status_code == 400
    assert shop.v1.subscriptions.retrieve(subscription.id).cancel_at is None


def test_a_link_is_a_secret_of_one_customer_and_ends(shop: Shop, double: DoubleProcess) -> None:
    price = shop.metered_price(shop.meter()).id
    one, other = shop.subscribe({"price": price}), shop.subscribe({"price": price})
    session = open_portal(shop, str(one.customer), configuration(shop))
    assert httpx.get(session.url[:-1] + ("a" if session.url[-1] != "a" else "b")).status_code == 404
    assert act(session, "cancel", subscription=other.id).status_code == 402
    assert shop.v1.subscriptions.retrieve(other.id).cancel_at is None
    double.admin("clock", {"advance_seconds": 3700})
    assert httpx.get(session.url).status_code == 410


def test_a_feature_that_the_double_does_not_model_is_refused(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="does not model"):
        shop.v1.billing_portal.configurations.create({"features": {"subscription_pause": {"enabled": True}}})
