"""Each pricing model at Stripe: Checkout, a renewal, and a cancellation while the renewal's draft still waits.

Units of the first period are told before it ends, the others before the cancellation. Nothing may be lost: cancelling
stops the renewal's draft at Stripe, whose fee and usage are owed all the same.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.support.billing_world import BillingWorld, Sold, processes, world
from tests.support.eventually import eventually
from tests.support.rating_reference import cents

from shared.events.billing import InvoiceUpdated, StripeSubscriptionClosed, StripeSubscriptionUpdated, UsageReported
from shared.events.catalog import PlanVersion, Tier
from shared.events.topics import SUBSCRIPTIONS_STATE

__all__ = ["processes", "world"]

TIERS = (
    Tier(up_to=10, unit_amount_decimal=Decimal("7.5"), flat_amount_decimal=Decimal(100)),
    Tier(up_to=100, unit_amount_decimal=Decimal("3.3"), flat_amount_decimal=Decimal(50)),
    Tier(up_to=None, unit_amount_decimal=Decimal("0.123456789012")),
)
FEE = Decimal(1900)
FIRST, SECOND = 137, 23


@dataclass(frozen=True)
class Model:
    """Terms, and what they cost for a period's FIRST and SECOND units, worked out by hand."""

    terms: dict[str, Any]
    first_minor: int
    second_minor: int
    fee_minor: int = 0


def terms(model: str, **fields: object) -> dict[str, Any]:
    return {"pricing_model": model, **fields}


MODELS = {
    "unit": Model(terms("unit", unit_amount_decimal=Decimal(2)), 274, 46),
    "sub-cent": Model(terms("unit", unit_amount_decimal=Decimal("0.012345678901"), interval="day"), 2, 0),
    "included": Model(terms("unit", unit_amount_decimal=Decimal("1.5"), included_units=30, interval="week"), 161, 0),
    # tier 1: 75 + 100, tier 2: 297 + 50, tier 3: 37 x 0.123456789012 = 4.57 -> 5
    "graduated": Model(terms("graduated", tiers=TIERS), 527, 75 + 100 + 43 + 50),
    # 137 x 0.123456789012 = 16.9 -> 17; 23 x 3.3 = 75.9 -> 76, + 50
    "volume": Model(terms("volume", tiers=TIERS, interval="year"), 17, 126),
    "package": Model(terms("package", unit_amount_decimal=Decimal(300), package_size=25), 1800, 300),
    "flat": Model(terms("flat", flat_amount_decimal=FEE, currency="eur"), 0, 0, 1900),
    "flat and usage": Model(
        terms("unit", flat_amount_decimal=FEE, unit_amount_decimal=Decimal(4), interval="week"), 548, 92, 1900
    ),
    "flat and graduated": Model(terms("graduated", flat_amount_decimal=FEE, tiers=TIERS), 527, 268, 1900),
    "zero-decimal": Model(terms("unit", unit_amount_decimal=Decimal("0.5"), currency="jpy"), 69, 12),
    "three-decimal": Model(terms("unit", unit_amount_decimal=Decimal(3), currency="kwd"), 411, 69),
}


def version(model: Model) -> PlanVersion:
    return PlanVersion(number=1, ordinal=1, created_at=datetime(2026, 1, 1, tzinfo=UTC), **model.terms)


def test_the_reference_agrees_with_what_was_worked_out_by_hand() -> None:
    for name, model in MODELS.items():
        assert (cents(version(model), FIRST), cents(version(model), SECOND)) == (
            model.first_minor + model.fee_minor,
            model.second_minor + model.fee_minor,
        ), name


def is_metered(model: Model) -> bool:
    return model.terms["pricing_model"] != "flat"


async def subscribe(world: BillingWorld, model: Model) -> Sold:
    """The fee is paid in advance, at Checkout; nothing else is invoiced yet."""
    sold = await world.subscribe(**model.terms)
    first = [i for i in world.found(InvoiceUpdated, subscription_id=sold.subscription_id) if i.status == "paid"]
    if model.fee_minor:
        paid = await world.event(InvoiceUpdated, subscription_id=sold.subscription_id, status="paid")
        assert (paid.total_minor, paid.billing_reason) == (model.fee_minor, "subscription_create")
        assert [(line.quantity, line.amount_minor) for line in paid.lines] == [(1, model.fee_minor)]
    else:
        assert first == [], "flexible billing makes no empty first invoice"
    return sold


async def use(world: BillingWorld, sold: Sold, model: Model) -> None:
    await world.use(sold, FIRST)
    if is_metered(model):
        await world.event(UsageReported, subscription_id=sold.subscription_id, reported_units=FIRST)


async def renewed(world: BillingWorld, sold: Sold, model: Model) -> Sold:
    """The next period has begun; the renewal's draft says what it will say, and waits its hour."""

    def new_period() -> StripeSubscriptionUpdated | None:
        found = world.found(StripeSubscriptionUpdated, subscription_id=sold.subscription_id)
        return next((event for event in found if event.current_period_start >= sold.period_end), None)

    seen = await eventually(new_period, timeout_seconds=60, message="the renewal")
    state = world.changed(
        sold.state, current_period_start=seen.current_period_start, current_period_end=seen.current_period_end
    )
    await world.write(SUBSCRIPTIONS_STATE, sold.subscription_id, state)
    draft = await world.event(
        InvoiceUpdated,
        subscription_id=sold.subscription_id,
        status="draft",
        billing_reason="subscription_cycle",
        total_minor=model.first_minor + model.fee_minor,
    )
    assert draft.currency == model.terms.get("currency", "usd")
    return replace(sold, state=state)


async def cancel(world: BillingWorld, sold: Sold, model: Model) -> StripeSubscriptionClosed:
    await world.use(sold, SECOND)
    ended_at = await world.now()
    state = world.changed(sold.state, status="canceling", access_ended_at=ended_at)
    await world.write(SUBSCRIPTIONS_STATE, sold.subscription_id, state)
    await world.complete(ended_at + timedelta(seconds=1))
    closed = await world.event(StripeSubscriptionClosed, subscription_id=sold.subscription_id, timeout_seconds=90)
    assert (closed.verified, closed.reported_units) == (True, SECOND if is_metered(model) else 0)
    return closed


async def check_invoices(world: BillingWorld, sold: Sold, closed: StripeSubscriptionClosed, model: Model) -> None:
    """Everything owed is on an invoice, once, and paid."""

    async def invoices() -> list[dict[str, Any]] | None:
        found = (await world.stripe(sold.secret_key, "invoices"))["data"]
        return found if all(invoice["status"] == "paid" for invoice in found) else None

    found = await eventually(invoices, timeout_seconds=40, message="every invoice paid")
    owed = 2 * model.fee_minor + model.first_minor + model.second_minor
    assert sum(invoice["total"] for invoice in found) == owed, [invoice["lines"]["data"] for invoice in found]
    if is_metered(model):
        final = next(invoice for invoice in found if invoice["id"] == closed.final_invoice_id)
        assert final["total"] == model.second_minor
        assert not any(line["description"] == "Usage not on the earlier lines" for line in final["lines"]["data"])


@pytest.mark.timeout(400)  # eleven subscriptions, four ends of a period
async def test_every_model_is_invoiced_exactly(world: BillingWorld) -> None:
    names = list(MODELS)
    models = [MODELS[name] for name in names]
    sold = await asyncio.gather(*(subscribe(world, model) for model in models))
    await world.move_clock(max(one.period_start for one in sold) + timedelta(minutes=5))
    await asyncio.gather(*(use(world, one, model) for one, model in zip(sold, models, strict=True)))
    shortest = min(sold, key=lambda one: one.period_end)
    # Shortest periods first, so that each model is cancelled in the hour after its own renewal.
    by_end: dict[int, list[int]] = {}
    for index, one in enumerate(sold):
        by_end.setdefault(int((one.period_end - shortest.period_end).days), []).append(index)
    for indices in (by_end[days] for days in sorted(by_end)):
        end = max(sold[index].period_end for index in indices)
        await world.move_clock(end + timedelta(minutes=5))
        await world.complete(end + timedelta(minutes=5))
        again = await asyncio.gather(*(renewed(world, sold[index], models[index]) for index in indices))
        await world.move_clock(end + timedelta(minutes=10))
        closed = await asyncio.gather(
            *(cancel(world, one, models[index]) for one, index in zip(again, indices, strict=True))
        )
        await world.move_clock(end + timedelta(hours=2))
        await asyncio.gather(
            *(
                check_invoices(world, one, end_event, models[index])
                for one, end_event, index in zip(again, closed, indices, strict=True)
            )
        )
