"""The hosted Checkout page."""

import httpx
import pytest
import stripe
from tests.contracts.stripe.conftest import DoubleProcess, Shop


def test_a_paid_page_leads_to_the_success_url_and_cannot_be_paid_twice(shop: Shop) -> None:
    price = shop.metered_price(shop.meter())
    customer = shop.v1.customers.create({"email": "a@b.test"})
    session = shop.open_checkout(customer.id, {"price": price.id})
    assert session.url is not None
    page = httpx.get(session.url)
    assert page.status_code == 200
    assert 'name="card_number"' in page.text
    assert "a@b.test" in page.text
    answer = shop.pay(session)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"http://portal.test/done?session={session.id}"
    done = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "line_items"]})
    assert (done.status, done.payment_status, done.invoice) == ("complete", "no_payment_required", None)
    assert done.subscription is not None
    assert shop.pay(session).status_code == 410
    assert len(shop.v1.subscriptions.list({"customer": customer.id}).data) == 1


def test_a_declined_card_is_told_on_the_page_and_changes_nothing(shop: Shop) -> None:
    price = shop.metered_price(shop.meter())
    customer = shop.v1.customers.create({})
    session = shop.open_checkout(customer.id, {"price": price.id})
    answer = shop.pay(session, "4000000000000002")
    assert answer.status_code == 402
    assert "Your card was declined." in answer.text
    assert shop.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert shop.v1.subscriptions.list({"customer": customer.id}).data == []
    assert shop.pay(session).status_code == 303


def test_a_session_expires_by_the_doubles_clock(shop: Shop, double: DoubleProcess) -> None:
    customer = shop.v1.customers.create({})
    session = shop.open_checkout(customer.id, {"price": shop.metered_price(shop.meter()).id})
    double.move_to(session.expires_at + 1)
    assert shop.v1.checkout.sessions.retrieve(session.id).status == "expired"
    (event,) = shop.v1.events.list({"type": "checkout.session.expired"}).data
    assert event.data.object["id"] == session.id


def test_an_account_that_may_not_charge_opens_no_checkout(shop: Shop, double: DoubleProcess) -> None:
    customer = shop.v1.customers.create({})
    price = shop.metered_price(shop.meter())
    double.admin(f"accounts/{shop.keys['account']}", {"charges_enabled": False})
    assert shop.v1.accounts.retrieve_current().charges_enabled is False
    with pytest.raises(stripe.InvalidRequestError, match="cannot currently make charges"):
        shop.open_checkout(customer.id, {"price": price.id})
