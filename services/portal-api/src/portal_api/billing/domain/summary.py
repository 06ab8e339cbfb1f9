"""The usage summary's arithmetic: what the present period costs so far and at its end, and the cheapest plan."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal_api.billing.domain.explanation import Explanation, explain
from portal_api.billing.domain.usage import PeriodTotal
from shared.events.catalog import PlanVersion

# Before this share of a period has passed, a forecast would say more about chance than about usage.
MIN_FORECAST_SHARE = 0.02
MIN_FORECAST_TIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of one subscription and period. `amount_minor` is what an invoice made now would say."""

    calls: int
    calls_not_billed: int
    units: int
    currency: str
    explanations: tuple[Explanation, ...]

    @property
    def amount_minor(self) -> int:
        """Minor units of `currency`."""
        return sum(one.total_minor for one in self.explanations)


@dataclass(frozen=True, slots=True)
class Forecast:
    """If it goes on as it did so far."""

    units: int
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
    current = by_number.get(current_number)
    return Estimate(
        calls=calls,
        calls_not_billed=not_billed,
        units=sum(units.values()),
        currency=current.currency if current else "usd",
        explanations=tuple(explain(by_number[n], units[n]) for n in sorted(units) if n in by_number),
    )


def forecast(present: Estimate, current_number: int, start: datetime, end: datetime, now: datetime) -> Forecast | None:
    """The whole period at the pace so far, in the present plan version. None: too early, over, or nothing to price."""
    passed, whole = now - start, end - start
    current = next((one for one in present.explanations if one.version.number == current_number), None)
    if current is None or not timedelta(0) < passed < whole:
        return None
    share = passed / whole
    if share < MIN_FORECAST_SHARE and passed < MIN_FORECAST_TIME:
        return None
    units = current.units * (whole // timedelta(microseconds=1)) // (passed // timedelta(microseconds=1))
    expected = explain(current.version, units)
    others = sum(one.total_minor for one in present.explanations if one is not current)
    others_units = sum(one.units for one in present.explanations if one is not current)
    return Forecast(units + others_units, expected.total_minor + others)


def cheapest(explanations: Iterable[Explanation]) -> Explanation | None:
    """Of several plans at one volume; the first of equals. None where they cannot be compared."""
    found = list(explanations)
    if len({(one.version.currency, one.version.interval) for one in found if one.model != "free"}) > 1:
        return None
    return min(found, key=lambda one: one.total_minor, default=None)
