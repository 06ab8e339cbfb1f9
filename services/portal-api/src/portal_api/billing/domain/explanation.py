"""Why a period costs what it costs: each line of `shared.rating` with the units that it is about."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from shared.events.catalog import PlanVersion, PricingModel
from shared.money import round_minor
from shared.rating import RatedPart, rate

LineKind = Literal["fee", "included", "units", "packages", "tier"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedLine:
    """One line: `quantity` x `unit_amount` + `flat_amount` = `amount` exactly, `amount_minor` as invoiced.

    `first_unit` to `last_unit` (None: no bound) is the range that the price holds for, not how much was used of it.
    """

    kind: LineKind
    tier: int | None = None
    first_unit: int | None = None
    last_unit: int | None = None
    quantity: int
    unit_amount: Decimal
    flat_amount: Decimal
    amount: Decimal
    amount_minor: int

    @property
    def is_rounded(self) -> bool:
        """Whether the exact amount is none that can be charged."""
        return self.amount != self.amount_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Of the units of one plan version in one period."""

    version: PlanVersion
    units: int
    lines: tuple[ExplainedLine, ...]
    total_minor: int

    @property
    def model(self) -> PricingModel:
        """Which rule was applied."""
        return self.version.pricing_model


@dataclass(frozen=True, slots=True)
class _Range:
    kind: LineKind
    tier: int | None = None
    first: int | None = None
    last: int | None = None


def explain(version: PlanVersion, units: int) -> Explanation:
    """The arithmetic of `shared.rating.rate`, line by line."""
    rated = rate(version, units)
    ranges = _ranges(version, units)
    lines = tuple(_line(part, one) for part, one in zip(rated.parts, ranges, strict=True))
    return Explanation(version=version, units=units, lines=lines, total_minor=rated.total_minor)


def _line(part: RatedPart, one: _Range) -> ExplainedLine:
    return ExplainedLine(
        kind=one.kind,
        tier=one.tier,
        first_unit=one.first,
        last_unit=one.last,
        quantity=part.quantity,
        unit_amount=part.unit_amount,
        flat_amount=part.flat_amount,
        amount=part.amount,
        amount_minor=round_minor(part.amount),
    )


def _ranges(version: PlanVersion, units: int) -> list[_Range]:
    """In the order of `rate`'s parts."""
    ranges: list[_Range] = []
    if version.pricing_model != "free" and version.flat_amount_decimal is not None:
        ranges.append(_Range("fee"))
    match version.pricing_model:
        case "unit":
            included = version.included_units
            if len(rate(version, units).parts) - len(ranges) == 2:
                ranges.append(_Range("included", first=1, last=included))
            ranges.append(_Range("units", first=included + 1))
        case "package":
            ranges.append(_Range("packages"))
        case "volume":
            ranges.append(_tier_range(version, _tier_of(version, units)))
        case "graduated":
            ranges += [_tier_range(version, index) for index in range(_tier_of(version, units) + 1)]
        case _:
            pass
    return ranges


def _tier_of(version: PlanVersion, units: int) -> int:
    return sum(tier.up_to is not None and tier.up_to < units for tier in version.tiers)


def _tier_range(version: PlanVersion, index: int) -> _Range:
    below = version.tiers[index - 1].up_to or 0 if index else 0
    return _Range("tier", tier=index + 1, first=below + 1, last=version.tiers[index].up_to)
