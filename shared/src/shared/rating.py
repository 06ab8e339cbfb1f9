"""What units cost under a plan version, explained line by line: the one business rule that all services share.

Pure. Mirrors how Stripe prices the objects that billing-sync makes of a plan (docs.stripe.com, "Tiered pricing",
"Package pricing"): amounts are exact Decimals of minor units, rounded half up once per invoice line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from shared.events.catalog import PlanVersion, Tier
from shared.money import round_minor

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class RatedPart:
    """One step of the arithmetic: `quantity` x `unit_amount` + `flat_amount` = `amount`, in minor units, exact."""

    description: str
    quantity: int
    unit_amount: Decimal
    flat_amount: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Rated:
    """The cost of a period's units. `total_minor` is what an invoice line shows."""

    units: int
    parts: tuple[RatedPart, ...]
    total_minor: int


def rate(plan: PlanVersion, units: int) -> Rated:
    """Price `units` of one billing period.

    Covers the metered part of a plan; the licensed fee of a flat plan (or the flat part of flat + usage) is billed in
    advance and counted here once as its own part. Raises ValueError for negative units or an incomplete price.
    """
    if units < 0:
        raise ValueError("units cannot be negative")
    usage = _usage_parts(plan, units)
    total = round_minor(sum((part.amount for part in usage), _ZERO))
    fee = _fee_parts(plan)
    total += sum(round_minor(part.amount) for part in fee)
    return Rated(units=units, parts=(*fee, *usage), total_minor=total)


def rate_usage(plan: PlanVersion, units: int) -> Rated:
    """Price only what is billed in arrears: the metered line of an invoice, without a fee paid in advance."""
    if units < 0:
        raise ValueError("units cannot be negative")
    usage = _usage_parts(plan, units)
    return Rated(units=units, parts=usage, total_minor=round_minor(sum((part.amount for part in usage), _ZERO)))


def _fee_parts(plan: PlanVersion) -> tuple[RatedPart, ...]:
    fee = plan.flat_amount_decimal
    if fee is None or plan.pricing_model == "free":
        return ()
    return (RatedPart("Fee for the period", 1, _ZERO, fee, fee),)


def _usage_parts(plan: PlanVersion, units: int) -> tuple[RatedPart, ...]:
    model = plan.pricing_model
    if model in ("free", "flat"):
        return ()
    if model == "unit":
        return _unit_parts(plan, units)
    if model == "package":
        return _package_parts(plan, units)
    if not plan.tiers:
        raise ValueError(f"a {model} plan needs tiers")
    return _graduated_parts(plan.tiers, units) if model == "graduated" else _volume_parts(plan.tiers, units)


def _unit_parts(plan: PlanVersion, units: int) -> tuple[RatedPart, ...]:
    if plan.unit_amount_decimal is None:
        raise ValueError("a unit plan needs a unit amount")
    included = min(units, plan.included_units)
    parts = []
    if included:
        parts.append(RatedPart("Included", included, _ZERO, _ZERO, _ZERO))
    charged = units - included
    amount = charged * plan.unit_amount_decimal
    parts.append(RatedPart("Per unit", charged, plan.unit_amount_decimal, _ZERO, amount))
    return tuple(parts)


def _package_parts(plan: PlanVersion, units: int) -> tuple[RatedPart, ...]:
    if plan.unit_amount_decimal is None or not plan.package_size:
        raise ValueError("a package plan needs a unit amount and a package size")
    packages = -(-units // plan.package_size)
    amount = packages * plan.unit_amount_decimal
    return (RatedPart(f"Packages of {plan.package_size}", packages, plan.unit_amount_decimal, _ZERO, amount),)


def _graduated_parts(tiers: Sequence[Tier], units: int) -> tuple[RatedPart, ...]:
    """Each tier prices the units that fall into it; the flats of all reached tiers add up, the first one always."""
    parts: list[RatedPart] = []
    below = 0
    for index, tier in enumerate(tiers):
        bound = units if tier.up_to is None else min(units, tier.up_to)
        quantity = max(bound - below, 0)
        if quantity == 0 and index > 0:
            break
        amount = quantity * tier.unit_amount_decimal + tier.flat_amount_decimal
        parts.append(
            RatedPart(f"Tier {index + 1}", quantity, tier.unit_amount_decimal, tier.flat_amount_decimal, amount)
        )
        if tier.up_to is None or units <= tier.up_to:
            break
        below = tier.up_to
    return tuple(parts)


def _volume_parts(tiers: Sequence[Tier], units: int) -> tuple[RatedPart, ...]:
    """One tier, found by the total, prices all units."""
    for index, tier in enumerate(tiers):
        if tier.up_to is None or units <= tier.up_to:
            amount = units * tier.unit_amount_decimal + tier.flat_amount_decimal
            return (RatedPart(f"Tier {index + 1}", units, tier.unit_amount_decimal, tier.flat_amount_decimal, amount),)
    raise ValueError("the last tier must have no bound")
