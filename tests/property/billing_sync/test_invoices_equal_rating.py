"""A plan, made into Stripe's prices by billing-sync and invoiced by the double, costs what rating says."""

from decimal import Decimal
from typing import Any

import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.plans import CREATED, plans, units
from tests.support.stripe_in_process import InProcessStripe

from billing_sync.domain.price import is_metered, price_specs
from shared.events.catalog import PlanVersion
from shared.money import charge_step
from shared.rating import rate, rate_usage


def subscribed(shop: InProcessStripe, plan: PlanVersion) -> tuple[stripe.Subscription, stripe.billing.Meter]:
    """As billing-sync sells it: product, meter, prices, customer; the card as Checkout leaves it."""
    v1 = shop.v1
    meter = v1.billing.meters.create(
        {
            "display_name": "Calls",
            "event_name": "calls",
            "default_aggregation": {"formula": "sum"},
            "customer_mapping": {"type": "by_id", "event_payload_key": "stripe_customer_id"},
            "value_settings": {"event_payload_key": "value"},
        }
    )
    product = v1.products.create({"name": "Reading List API"})
    customer = v1.customers.create({"email": "ada@example.test"})
    v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    card = v1.payment_methods.list({"customer": customer.id}).data[0]
    items: list[Any] = []
    for spec in price_specs(plan, meter.id):
        price = v1.prices.create({"product": product.id, **spec.parameters})  # type: ignore[typeddict-item]
        items.append({"price": price.id, "quantity": 1} if spec.kind == "fee" else {"price": price.id})
    subscription = v1.subscriptions.create({"customer": customer.id, "items": items, "default_payment_method": card.id})
    return subscription, meter


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(plans(("flat", "unit", "volume", "graduated", "package")), units, st.integers(0, 3))
def test_every_plan_is_invoiced_as_rated(plan: PlanVersion, used: int, pushes: int) -> None:
    shop = InProcessStripe()
    v1 = shop.v1
    subscription, meter = subscribed(shop, plan)
    fee = int(plan.flat_amount_decimal or 0)
    if subscription.latest_invoice is not None:
        first = v1.invoices.retrieve(str(subscription.latest_invoice))
        assert (first.total, first.status) == (fee, "paid")
    else:
        assert plan.flat_amount_decimal is None
    for share in _shares(used, pushes):
        v1.billing.meter_events.create(
            {
                "event_name": meter.event_name,
                "payload": {"stripe_customer_id": str(subscription.customer), "value": str(share)},
            }
        )
    canceled = v1.subscriptions.cancel(subscription.id, {"invoice_now": True, "prorate": False})
    if not is_metered(plan):
        assert canceled.latest_invoice == subscription.latest_invoice, "nothing more is due"
        assert rate(plan, used).total_minor == fee
        return
    final = v1.invoices.retrieve(str(canceled.latest_invoice))
    rated = rate_usage(plan, used)
    assert final.total == rated.total_minor
    assert fee + final.total == rate(plan, used).total_minor
    lines = list(v1.invoices.line_items.list(final.id, {"limit": 100}).auto_paging_iter())
    assert sorted(line.amount for line in lines if line.amount) == sorted(
        amount
        for part in rated.parts
        for amount in (part.amount_minor - int(part.flat_amount), int(part.flat_amount))
        if amount
    ), "line by line"
    paid = v1.invoices.finalize_invoice(final.id, {"auto_advance": False})
    assert paid.amount_due % charge_step(plan.currency) == 0, "what is due can be charged"


def _shares(used: int, pushes: int) -> list[int]:
    share = used // (pushes + 1)
    return [part for part in [used - share * pushes, *([share] * pushes)] if part]


def test_twelve_decimals_reach_stripe_as_typed() -> None:
    plan = PlanVersion(
        number=1, ordinal=1, pricing_model="unit", created_at=CREATED, unit_amount_decimal=Decimal("0.000000000001")
    )
    subscription, _ = subscribed(InProcessStripe(), plan)
    price = subscription["items"].data[0].price
    assert price.unit_amount_decimal == Decimal("0.000000000001")
