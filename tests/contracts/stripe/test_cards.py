"""Stripe's test cards: declined at Checkout, asked for 3D Secure, failing at renewal; and how a debt is settled."""

from typing import Any

import httpx
import pytest
import stripe
from tests.contracts.stripe.conftest import DoubleProcess, Shop

GOOD, DECLINED, NO_FUNDS, EXPIRED = "4242424242424242", "4000000000000002", "4000000000009995", "4000000000000069"
FAILS_LATER, ASKS_ONCE, ASKS_ALWAYS = "4000000000000341", "4000002500003155", "4000002760003184"
DAY = 86_400


def flat_price(shop: Shop) -> stripe.Price:
    product = shop.v1.products.create({"name": "Reading List API"})
    return shop.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 900, "recurring": {"interval": "month"}}
    )


def session_for(shop: Shop) -> stripe.checkout.Session:
    customer = shop.v1.customers.create({"email": "dev@example.test"})
    return shop.open_checkout(customer.id, {"price": flat_price(shop).id, "quantity": 1})


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (DECLINED, "Your card was declined."),
        (NO_FUNDS, "Your card has insufficient funds."),
        (EXPIRED, "Your card has expired."),
        ("4000000000000127", "security code is incorrect"),
        ("4000000000000119", "An error occurred while processing your card."),
        (FAILS_LATER, "Your card was declined."),
        ("4111111111111112", "Your card number is invalid."),
    ],
)
def test_a_card_that_cannot_pay_leaves_checkout_open(shop: Shop, card: str, words: str) -> None:
    session = session_for(shop)
    answer = shop.pay(session, card)
    assert answer.status_code == 402
    assert words.replace("'", "&#x27;") in answer.text
    assert shop.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert shop.v1.subscriptions.list({"status": "all"}).data == []


def challenged(shop: Shop, session: stripe.checkout.Session, card: str, outcome: str) -> httpx.Response:
    sent = shop.pay(session, card)
    assert sent.status_code == 303
    bank = f"{shop.double.url}{sent.headers['location']}"
    assert bank.endswith("/authenticate")
    assert "requires authentication" in httpx.get(bank).text
    assert shop.v1.checkout.sessions.retrieve(session.id).status == "open", "nothing is paid before the bank said yes"
    return httpx.post(bank, data={"outcome": outcome})


def test_3d_secure_completed_pays(shop: Shop) -> None:
    session = session_for(shop)
    assert challenged(shop, session, ASKS_ONCE, "complete").headers["location"].startswith("http://portal.test/done")
    assert shop.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_3d_secure_failed_leads_back_to_the_form(shop: Shop) -> None:
    session = session_for(shop)
    answer = challenged(shop, session, ASKS_ONCE, "fail")
    assert answer.status_code == 402
    assert "unable to authenticate" in answer.text
    assert shop.pay(session, GOOD).status_code == 303


def renewed(shop: Shop, double: DoubleProcess, card: str) -> tuple[stripe.Subscription, stripe.Invoice]:
    """A flat subscription whose second period has begun and been billed."""
    session = session_for(shop)
    if card == GOOD:
        assert shop.pay(session, card).status_code == 303
    else:
        challenged(shop, session, card, "complete")
    subscription_id = str(shop.v1.checkout.sessions.retrieve(session.id).subscription)
    return _at_renewal(shop, double, subscription_id)


def _at_renewal(shop: Shop, double: DoubleProcess, subscription_id: str) -> tuple[stripe.Subscription, stripe.Invoice]:
    end = shop.v1.subscriptions.retrieve(subscription_id)["items"].data[0].current_period_end
    double.move_to(end + 2 * 3600)
    subscription = shop.v1.subscriptions.retrieve(subscription_id)
    return subscription, shop.v1.invoices.retrieve(str(subscription.latest_invoice))


def test_a_card_set_up_by_3d_secure_renews_by_itself(shop: Shop, double: DoubleProcess) -> None:
    subscription, invoice = renewed(shop, double, ASKS_ONCE)
    assert (subscription.status, invoice.status) == ("active", "paid")


def test_a_card_that_always_asks_is_overdue_at_renewal(shop: Shop, double: DoubleProcess) -> None:
    subscription, invoice = renewed(shop, double, ASKS_ALWAYS)
    assert (subscription.status, invoice.status, invoice.attempt_count) == ("past_due", "open", 1)
    types = [event.type for event in shop.v1.events.list({"limit": 20}).data]
    assert {"invoice.payment_failed", "invoice.payment_action_required", "charge.failed"} <= set(types)
    (payment,) = shop.v1.invoice_payments.list({"invoice": invoice.id}).data
    intent = shop.v1.payment_intents.retrieve(str(payment.payment.payment_intent))
    assert (payment.status, intent.status) == ("open", "requires_action")
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.code == "authentication_required"
    # Its owner pays on the hosted page, where the bank can ask.
    assert invoice.hosted_invoice_url is not None
    form = {"card_number": ASKS_ALWAYS, "expiry": "12 / 34", "cvc": "123"}
    assert httpx.post(invoice.hosted_invoice_url, data=form).status_code == 303
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "active"
    assert [one.status for one in shop.v1.invoice_payments.list({"invoice": invoice.id}).data] == ["paid"]


def metered_with_failing_card(shop: Shop, double: DoubleProcess) -> tuple[stripe.Subscription, stripe.Invoice]:
    meter = shop.meter()
    subscription = shop.subscribe({"price": shop.metered_price(meter).id}, card=FAILS_LATER)
    shop.use(meter, str(subscription.customer), 100, "a")
    return _at_renewal(shop, double, subscription.id)


def test_dunning_retries_and_then_cancels(shop: Shop, double: DoubleProcess) -> None:
    subscription, invoice = metered_with_failing_card(shop, double)
    assert (subscription.status, invoice.status, invoice.amount_remaining) == ("past_due", "open", 200)
    assert shop.v1.customers.retrieve(str(subscription.customer)).delinquent is True
    assert invoice.next_payment_attempt is not None
    double.move_to(invoice.next_payment_attempt + 60)
    assert shop.v1.invoices.retrieve(invoice.id).attempt_count == 2
    double.move_to(invoice.next_payment_attempt + 20 * DAY)
    after = shop.v1.subscriptions.retrieve(subscription.id)
    assert (after.status, after.cancellation_details and after.cancellation_details.reason) == (
        "canceled",
        "payment_failed",
    )
    assert shop.v1.invoices.retrieve(invoice.id).attempt_count == 4


def test_dunning_may_end_in_unpaid(shop: Shop, double: DoubleProcess) -> None:
    double.admin(f"accounts/{shop.keys['account']}", {"after_retries": "unpaid"})
    subscription, invoice = metered_with_failing_card(shop, double)
    assert invoice.next_payment_attempt is not None
    double.move_to(invoice.next_payment_attempt + 20 * DAY)
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "unpaid"


def test_a_new_card_is_charged_at_the_next_attempt(shop: Shop, double: DoubleProcess) -> None:
    subscription, invoice = metered_with_failing_card(shop, double)
    customer = str(subscription.customer)
    method = shop.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    shop.v1.subscriptions.update(subscription.id, {"default_payment_method": method.id})
    assert invoice.next_payment_attempt is not None
    double.move_to(invoice.next_payment_attempt + 60)
    paid = shop.v1.invoices.retrieve(invoice.id)
    assert (paid.status, paid.amount_paid) == ("paid", 200)
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "active"
    assert shop.v1.customers.retrieve(customer).delinquent is False


def test_the_api_says_why_a_card_is_refused(shop: Shop, double: DoubleProcess) -> None:
    subscription, invoice = metered_with_failing_card(shop, double)
    with pytest.raises(stripe.CardError) as refused:
        shop.v1.invoices.pay(invoice.id)
    error: Any = refused.value
    assert (error.http_status, error.code, error.json_body["error"]["decline_code"]) == (
        402,
        "card_declined",
        "generic_decline",
    )
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "past_due"
