"""A plan version as Stripe prices: the one place that knows which parameters a pricing model needs.

Amounts are written with `plain`: the SDK would send Decimal("0.0000001") as 1E-7, which Stripe refuses.
"""

from dataclasses import dataclass, field
from typing import Literal

from shared.events.catalog import PlanVersion, Tier
from shared.money import plain

Parameters = dict[str, object]


@dataclass(frozen=True, slots=True)
class PriceSpec:
    """One Price: `usage` is metered (line item without quantity), `fee` is licensed (quantity 1)."""

    kind: Literal["usage", "fee"]
    parameters: Parameters = field(hash=False)


def price_specs(plan: PlanVersion, meter_id: str | None) -> tuple[PriceSpec, ...]:
    """The prices of a plan version; none for a free plan. Raises ValueError for an incomplete plan."""
    if plan.pricing_model == "free":
        return ()
    specs: list[PriceSpec] = []
    if plan.flat_amount_decimal is not None:
        if plan.flat_amount_decimal != plan.flat_amount_decimal.to_integral_value():
            raise ValueError("a fee is a whole number of minor units")
        fee: Parameters = {"unit_amount": int(plan.flat_amount_decimal), "recurring": {"interval": plan.interval}}
        specs.append(PriceSpec("fee", {"currency": plan.currency, **fee}))
    elif plan.pricing_model == "flat":
        raise ValueError("a flat plan needs a flat amount")
    if plan.pricing_model != "flat":
        if meter_id is None:
            raise ValueError("a metered price needs a meter")
        recurring = {"interval": plan.interval, "usage_type": "metered", "meter": meter_id}
        usage: Parameters = {"currency": plan.currency, "recurring": recurring, **_metered(plan)}
        specs.append(PriceSpec("usage", usage))
    return tuple(specs)


def is_metered(plan: PlanVersion) -> bool:
    """Whether a plan's usage is told to Stripe."""
    return plan.pricing_model not in ("free", "flat")


def _metered(plan: PlanVersion) -> Parameters:
    model = plan.pricing_model
    if model in ("volume", "graduated"):
        if not plan.tiers:
            raise ValueError(f"a {model} plan needs tiers")
        return {"billing_scheme": "tiered", "tiers_mode": model, "tiers": [_tier(tier) for tier in plan.tiers]}
    if plan.unit_amount_decimal is None:
        raise ValueError(f"a {model} plan needs a unit amount")
    if model == "package":
        if not plan.package_size:
            raise ValueError("a package plan needs a package size")
        package = {"divide_by": plan.package_size, "round": "up"}
        return {"unit_amount_decimal": plain(plan.unit_amount_decimal), "transform_quantity": package}
    if plan.included_units:
        free = Tier(up_to=plan.included_units)
        rest = Tier(up_to=None, unit_amount_decimal=plan.unit_amount_decimal)
        return {"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": [_tier(free), _tier(rest)]}
    return {"billing_scheme": "per_unit", "unit_amount_decimal": plain(plan.unit_amount_decimal)}


def _tier(tier: Tier) -> Parameters:
    amounts: Parameters = {"up_to": "inf" if tier.up_to is None else tier.up_to}
    amounts["unit_amount_decimal"] = plain(tier.unit_amount_decimal)
    if tier.flat_amount_decimal:
        amounts["flat_amount_decimal"] = plain(tier.flat_amount_decimal)
    return amounts
