"""What units cost under a plan version, explained line by line: the one business rule that all services share.

Pure. Mirrors how Stripe prices the objects that billing-sync makes of a plan (docs.stripe.com, "Tiered pricing",
"Package pricing"): amounts are exact Decimals of minor units. A tiered price has an invoice line for each tier that is
reached, and every line is rounded half up for itself: 31 x 3.6 in tier 2 is 112, whatever tier 1 costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from shared.events.catalog import PlanVersion, Tier
from shared.money import EXACT, round_minor

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class RatedPart:
    """One line: `quantity` x `unit_amount` + `flat_amount` = `amount`, in minor units, exact."""

    description: str
    quantity: int
    unit_amount: Decimal
    flat_amount: Decimal

    @property
    def amount(self) -> Decimal:
        """Not rounded."""
        return EXACT.add(EXACT.multiply(Decimal(self.quantity), self.unit_amount), self.flat_amount)

    @property
    def amount_minor(self) -> int:
        """As invoiced. A flat amount is whole, so it does not matter that Stripe shows it as a line of its own."""
        return round_minor(self.amount)


@dataclass(frozen=True, slots=True)
class Rated:
    """The cost of a period's units."""

    units: int
    parts: tuple[RatedPart, ...]

    @property
    def total_minor(self) -> int:
        """What the invoice lines add up to."""
        return sum(part.amount_minor for part in self.parts)


def rate(plan: PlanVersion, units: int) -> Rated:
    """Price `units` of one billing period.

    Covers the metered part of a plan; the licensed fee of a flat plan (or the flat part of flat + usage) is billed in
    advance and counted here once as its own part. Raises ValueError for negative units or an incomplete price.
    """
    usage = rate_usage(plan, units)
    return Rated(units=units, parts=(*_fee_parts(plan), *usage.parts))


def rate_usage(plan: PlanVersion, units: int) -> Rated:
    """Price only what is billed in arrears: the metered lines of an invoice, without a fee paid in advance."""
    if units < 0:
        raise ValueError("units cannot be negative")
    return Rated(units=units, parts=_usage_parts(plan, units))


def _fee_parts(plan: PlanVersion) -> tuple[RatedPart, ...]:
    fee = plan.flat_amount_decimal
    if fee is None or plan.pricing_model == "free":
        return ()
    return (RatedPart("Fee for the period", 1, _ZERO, fee),)


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
    if plan.tiers[-1].up_to is not None:
        raise ValueError("the last tier must have no bound")
    return _tiered_parts(plan.tiers, units, volume=model == "volume")


def _unit_parts(plan: PlanVersion, units: int) -> tuple[RatedPart, ...]:
    if plan.unit_amount_decimal is None:
        raise ValueError("a unit plan needs a unit amount")
    included = min(units, plan.included_units)
    charged = RatedPart("Per unit", units - included, plan.unit_amount_decimal, _ZERO)
    if not plan.included_units:
        return (charged,)
    return (RatedPart(f"Included, of {plan.included_units}", included, _ZERO, _ZERO), charged)


def _package_parts(plan: PlanVersion, units: int) -> tuple[RatedPart, ...]:
    if plan.unit_amount_decimal is None or not plan.package_size:
        raise ValueError("a package plan needs a unit amount and a package size")
    packages = -(-units // plan.package_size)
    return (RatedPart(f"Packages of {plan.package_size}", packages, plan.unit_amount_decimal, _ZERO),)


def _tiered_parts(tiers: Sequence[Tier], units: int, *, volume: bool) -> tuple[RatedPart, ...]:
    """Volume: the tier of the total prices all units. Graduated: each tier its own; flats of reached tiers add up.

    The first tier is reached by no units at all: its flat amount is always due.
    """
    bounds = (0, *(tier.up_to or 0 for tier in tiers))
    last = sum(tier.up_to is not None and tier.up_to < units for tier in tiers)
    if volume:
        return (_tier_part(last, bounds[last], tiers[last], units),)
    return tuple(
        _tier_part(index, bounds[index], tiers[index], (units if index == last else bounds[index + 1]) - bounds[index])
        for index in range(last + 1)
    )


def _tier_part(index: int, below: int, tier: Tier, quantity: int) -> RatedPart:
    top = "and more" if tier.up_to is None else f"to {tier.up_to}"
    name = f"Tier {index + 1} ({below + 1} {top})"
    return RatedPart(name, quantity, tier.unit_amount_decimal, tier.flat_amount_decimal)
