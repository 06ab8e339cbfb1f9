"""The journey of a metered subscription, with the real SDK."""

import pytest
import stripe
from tests.contracts.stripe.conftest import DoubleProcess, Shop, wait_until


def _period_end(subscription: stripe.Subscription) -> int:
    return int(subscription["items"].data[0].current_period_end)


def test_the_renewal_invoice_is_calls_times_two_cents(shop: Shop, double: DoubleProcess) -> None:
    meter = shop.meter()
    subscription = shop.subscribe({"price": shop.metered_price(meter).id})
    customer = str(subscription.customer)
    assert subscription.status == "active"
    assert subscription.latest_invoice is None, "flexible billing makes no empty first invoice"
    assert subscription.metadata["subscription_id"] == "sub_tollway"

    shop.use(meter, customer, 60, "a")
    shop.use(meter, customer, 40, "b")
    wait_until(lambda: shop.summary(meter, customer) == 100)

    end = _period_end(subscription)
    double.move_to(end + 60)
    (draft,) = shop.v1.invoices.list({"subscription": subscription.id}).data
    assert (draft.status, draft.billing_reason, draft.auto_advance) == ("draft", "subscription_cycle", True)
    shop.use(meter, customer, 20, "late but inside the period", at=end - 1)
    shop.use(meter, customer, 500, "of the next period", at=end)
    double.move_to(end + 3600 + 1)

    paid = shop.v1.invoices.retrieve(draft.id)
    assert (paid.status, paid.total, paid.amount_paid) == ("paid", 240, 240)
    (line,) = paid.lines.data
    assert (line.quantity, line.period.end) == (120, end)
    assert line.parent is not None
    assert line.parent.subscription_item_details is not None
    assert line.parent.subscription_item_details.subscription == subscription.id
    assert _period_end(shop.v1.subscriptions.retrieve(subscription.id)) > end


def test_a_draft_whose_auto_advance_is_off_waits_and_is_made_good_when_restored(
    shop: Shop, double: DoubleProcess
) -> None:
    meter = shop.meter()
    subscription = shop.subscribe({"price": shop.metered_price(meter).id})
    shop.use(meter, str(subscription.customer), 100, "a")
    end = _period_end(subscription)
    double.move_to(end + 1)
    (draft,) = shop.v1.invoices.list({"subscription": subscription.id}).data
    shop.v1.invoices.update(draft.id, {"auto_advance": False})
    double.move_to(end + 5 * 3600)
    assert shop.v1.invoices.retrieve(draft.id).status == "draft"
    shop.v1.invoices.update(draft.id, {"auto_advance": True})
    wait_until(lambda: shop.v1.invoices.retrieve(draft.id).status == "paid")


def test_cancel_now_bills_open_usage_and_stops_other_drafts(shop: Shop, double: DoubleProcess) -> None:
    meter = shop.meter()
    subscription = shop.subscribe({"price": shop.metered_price(meter).id})
    customer = str(subscription.customer)
    shop.use(meter, customer, 100, "first period")
    double.move_to(_period_end(subscription) + 1)
    (renewal,) = shop.v1.invoices.list({"subscription": subscription.id}).data
    shop.use(meter, customer, 70, "second period")
    wait_until(lambda: shop.summary(meter, customer) == 70)

    canceled = shop.v1.subscriptions.cancel(subscription.id, {"invoice_now": True, "prorate": False})
    assert (canceled.status, canceled.ended_at is not None) == ("canceled", True)
    assert shop.v1.invoices.retrieve(renewal.id).auto_advance is False
    final = shop.v1.invoices.retrieve(str(canceled.latest_invoice))
    assert (final.status, final.total) == ("draft", 140)
    assert shop.v1.invoices.finalize_invoice(final.id, {"auto_advance": True}).status == "open"
    wait_until(lambda: shop.v1.invoices.retrieve(final.id).status == "paid")
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.subscriptions.cancel(subscription.id)


def test_cancel_without_invoice_now_bills_nothing_open(shop: Shop) -> None:
    meter = shop.meter()
    subscription = shop.subscribe({"price": shop.metered_price(meter).id})
    shop.use(meter, str(subscription.customer), 100, "a")
    wait_until(lambda: shop.summary(meter, str(subscription.customer)) == 100)
    shop.v1.subscriptions.cancel(subscription.id)
    assert shop.v1.invoices.list({"customer": str(subscription.customer)}).data == []


def test_cancel_at_period_end_bills_the_whole_period(shop: Shop, double: DoubleProcess) -> None:
    meter = shop.meter()
    subscription = shop.subscribe({"price": shop.metered_price(meter).id})
    shop.use(meter, str(subscription.customer), 100, "a")
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    end = _period_end(subscription)
    double.move_to(end + 3601)
    ended = shop.v1.subscriptions.retrieve(subscription.id)
    assert (ended.status, ended.ended_at) == ("canceled", end)
    (invoice,) = shop.v1.invoices.list({"subscription": subscription.id}).data
    assert (invoice.status, invoice.total) == ("paid", 200)


def test_a_total_under_the_minimum_charge_rolls_over(shop: Shop, double: DoubleProcess) -> None:
    meter = shop.meter()
    subscription = shop.subscribe({"price": shop.metered_price(meter).id})
    customer = str(subscription.customer)
    shop.use(meter, customer, 10, "a")
    end = _period_end(subscription)
    double.move_to(end + 3601)
    (small,) = shop.v1.invoices.list({"subscription": subscription.id}).data
    assert (small.status, small.total, small.amount_paid, small.ending_balance) == ("paid", 20, 0, 20)
    shop.use(meter, customer, 50, "b")
    double.move_to(_period_end(shop.v1.subscriptions.retrieve(subscription.id)) + 3601)
    newest = shop.v1.invoices.list({"subscription": subscription.id}).data[0]
    assert (newest.total, newest.amount_paid) == (100, 120)


def test_a_card_that_fails_at_renewal_makes_the_subscription_past_due(shop: Shop, double: DoubleProcess) -> None:
    meter = shop.meter()
    subscription = shop.subscribe({"price": shop.metered_price(meter).id}, card="4000000000000341")
    shop.use(meter, str(subscription.customer), 100, "a")
    double.move_to(_period_end(subscription) + 3601)
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    (invoice,) = shop.v1.invoices.list({"subscription": subscription.id}).data
    assert (invoice.status, invoice.attempt_count, invoice.next_payment_attempt is not None) == ("open", 1, True)


def test_flat_and_usage_bill_the_fee_in_advance(shop: Shop, double: DoubleProcess) -> None:
    meter = shop.meter()
    usage = shop.metered_price(meter)
    fee = shop.v1.prices.create(
        {"product": str(usage.product), "currency": "usd", "unit_amount": 900, "recurring": {"interval": "month"}}
    )
    subscription = shop.subscribe({"price": fee.id, "quantity": 1}, {"price": usage.id})
    first = shop.v1.invoices.retrieve(str(subscription.latest_invoice))
    assert (first.billing_reason, first.status, first.total) == ("subscription_create", "paid", 900)
    shop.use(meter, str(subscription.customer), 100, "a")
    double.move_to(_period_end(subscription) + 3601)
    newest = shop.v1.invoices.list({"subscription": subscription.id}).data[0]
    assert sorted(line.amount for line in newest.lines.data) == [200, 900]


def test_an_invoice_of_its_own_needs_the_subscriptions_card_named(shop: Shop) -> None:
    """Checkout makes the card the subscription's default, not the customer's."""
    subscription = shop.subscribe({"price": shop.metered_price(shop.meter()).id})
    customer = str(subscription.customer)
    invoice = shop.v1.invoices.create({"customer": customer, "currency": "usd", "auto_advance": False})
    shop.v1.invoice_items.create(
        {"customer": customer, "invoice": invoice.id, "amount": 340, "currency": "usd", "description": "rest"}
    )
    with pytest.raises(stripe.InvalidRequestError, match="default_payment_method"):
        shop.v1.invoices.pay(invoice.id)
    card = str(subscription.default_payment_method)
    assert shop.v1.invoices.pay(invoice.id, {"payment_method": card}).status == "paid", "pay finalizes a draft"
    paid = shop.v1.invoices.retrieve(invoice.id)
    assert (paid.total, paid.status) == (340, "paid")
    (payment,) = shop.v1.invoice_payments.list({"invoice": invoice.id, "status": "paid"}).data
    intent = str(payment.payment.payment_intent)
    assert shop.v1.refunds.create({"payment_intent": intent}).amount == 340


def test_two_live_items_on_one_meter_bill_the_same_usage_twice(shop: Shop, double: DoubleProcess) -> None:
    """The trap that one meter per plan and slot avoids: the double must show it."""
    meter = shop.meter()
    price = shop.metered_price(meter)
    first = shop.subscribe({"price": price.id})
    customer = str(first.customer)
    assert shop.pay(shop.open_checkout(customer, {"price": price.id})).status_code == 303
    shop.use(meter, customer, 100, "a")
    double.move_to(_period_end(first) + 3700)
    invoices = shop.v1.invoices.list({"customer": customer}).data
    assert [invoice.total for invoice in invoices] == [200, 200]
