"""The usage summary's arithmetic: what the present period costs so far, each step explained by `shared.rating`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from portal_api.billing.domain.usage import PeriodTotal
from shared.events.catalog import PlanVersion
from shared.money import exponent, plain, to_major
from shared.rating import RatedPart, rate


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of one subscription and period. `amount_minor` is what an invoice made now would say."""

    calls: int
    calls_not_billed: int
    units: int
    currency: str
    parts: tuple[RatedPart, ...]
    amount_minor: int


def estimate(plan_versions: Sequence[PlanVersion], current_number: int, totals: Iterable[PeriodTotal]) -> Estimate:
    """Price a period's totals, each plan version for itself; sandbox calls are never billed and not shown here."""
    by_number = {version.number: version for version in plan_versions}
    calls = not_billed = 0
    units: dict[int, int] = {current_number: 0} if current_number in by_number else {}
    for total in totals:
        if total.environment != "production":
            continue
        if not total.billable:
            not_billed += total.calls
            continue
        calls += total.calls
        units[total.plan_version_number] = units.get(total.plan_version_number, 0) + total.units
    rated = [rate(by_number[number], units[number]) for number in sorted(units) if number in by_number]
    current = by_number.get(current_number)
    return Estimate(
        calls=calls,
        calls_not_billed=not_billed,
        units=sum(units.values()),
        currency=current.currency if current else "usd",
        parts=tuple(part for one in rated for part in one.parts),
        amount_minor=sum(one.total_minor for one in rated),
    )


def money_text(amount_minor: int, currency: str) -> str:
    """For people: `2.00 USD`."""
    return f"{to_major(amount_minor, currency):.{exponent(currency)}f} {currency.upper()}"


def part_text(part: RatedPart, currency: str) -> str:
    """The step as a sum that anybody can check: `100 × 0.02 = 2 USD`."""
    unit, flat, amount = (
        plain(to_major(value, currency)) for value in (part.unit_amount, part.flat_amount, part.amount)
    )
    steps = f"{part.quantity} × {unit}" if part.unit_amount or not part.flat_amount else ""
    if part.flat_amount:
        steps = f"{steps} + {flat}" if steps else flat
    return f"{steps} = {amount} {currency.upper()}"
