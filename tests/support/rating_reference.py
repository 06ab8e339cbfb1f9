"""A second opinion on what units cost, written apart from `shared.rating`: in fractions, unit by unit where it can be.

It knows no parts, no Decimals and no tables: it asks of every unit what that unit costs.
"""

from collections import Counter
from fractions import Fraction

from shared.events.catalog import PlanVersion, Tier


def half_up(amount: Fraction) -> int:
    """To whole minor units. Amounts are never negative."""
    return int(amount + Fraction(1, 2))


def cents(plan: PlanVersion, units: int) -> int:
    """Fee and usage of a period, in minor units, as a customer would check a bill with paper and pencil."""
    fee = 0
    if plan.flat_amount_decimal is not None and plan.pricing_model != "free":
        fee = half_up(Fraction(plan.flat_amount_decimal))
    return fee + usage_cents(plan, units)


def usage_cents(plan: PlanVersion, units: int) -> int:
    """What is billed in arrears."""
    if plan.pricing_model in ("free", "flat"):
        return 0
    if plan.pricing_model == "unit":
        price = Fraction(plan.unit_amount_decimal or 0)
        return half_up(price * max(0, units - plan.included_units))
    if plan.pricing_model == "package":
        size = plan.package_size or 1
        begun = units // size + (1 if units % size else 0)
        return half_up(begun * Fraction(plan.unit_amount_decimal or 0))
    if plan.pricing_model == "volume":
        tier = plan.tiers[tier_of(plan.tiers, max(units, 1))]
        return half_up(units * Fraction(tier.unit_amount_decimal)) + int(tier.flat_amount_decimal)
    total = int(plan.tiers[0].flat_amount_decimal)
    for index, count in units_by_tier(plan.tiers, units).items():
        tier = plan.tiers[index]
        total += half_up(count * Fraction(tier.unit_amount_decimal))
        total += int(tier.flat_amount_decimal) if index else 0
    return total


def tier_of(tiers: tuple[Tier, ...], unit: int) -> int:
    """In which tier the n-th unit falls: the first that reaches so far."""
    return next(index for index, tier in enumerate(tiers) if tier.up_to is None or unit <= tier.up_to)


def units_by_tier(tiers: tuple[Tier, ...], units: int) -> Counter[int]:
    """How many units fall into each tier that is reached."""
    if units <= 5_000:
        return Counter(tier_of(tiers, unit) for unit in range(1, units + 1))
    counted: Counter[int] = Counter()
    for index, tier in enumerate(tiers):
        reached = units if tier.up_to is None else min(units, tier.up_to)
        new = reached - counted.total()
        if new > 0:
            counted[index] = new
    return counted
