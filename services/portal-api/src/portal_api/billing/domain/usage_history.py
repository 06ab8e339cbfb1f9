"""Usage day by day (UTC), with what each day added to the bill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from portal_api.billing.domain.usage import DayTotal
from shared.errors import DomainError
from shared.events.catalog import PlanVersion
from shared.rating import rate

MAX_DAYS = 366


@dataclass(slots=True)
class Tally:
    """Production calls; `amounts` in minor units by currency, without fees."""

    calls: int = 0
    calls_not_billed: int = 0
    units: int = 0
    amounts: dict[str, int] = field(default_factory=dict)

    def add(self, other: "Tally") -> None:
        """Both together."""
        self.calls += other.calls
        self.calls_not_billed += other.calls_not_billed
        self.units += other.units
        for currency, amount in other.amounts.items():
            self.amounts[currency] = self.amounts.get(currency, 0) + amount


def check_range(since: date, until: date) -> None:
    """At most a year and a day. Raises DomainError."""
    if timedelta(0) <= until - since < timedelta(days=MAX_DAYS):
        return
    detail = f"`from` must not be after `to`, and the range has at most {MAX_DAYS} days."
    raise DomainError("invalid-request", 422, "The request is not valid", detail, field="from")


def tallies(
    days: Sequence[DayTotal],
    units_before: Mapping[tuple[str, datetime, int], int],
    versions: Mapping[int, PlanVersion],
) -> dict[tuple[date, str], Tally]:
    """By (day, subscription). A day costs what the period's bill grew by: in a later tier a call may cost less."""
    found: dict[tuple[date, str], Tally] = {}
    units = dict(units_before)
    for total in sorted(days, key=lambda one: one.day):
        if total.environment != "production":
            continue
        tally = found.setdefault((total.day, total.subscription_id), Tally())
        if not total.billable:
            tally.calls_not_billed += total.calls
            continue
        tally.calls += total.calls
        tally.units += total.units
        version = versions.get(total.plan_version_number)
        if version is None:
            continue
        key = (total.subscription_id, total.period_start, total.plan_version_number)
        before = units.get(key, 0)
        units[key] = before + total.units
        grown = rate(version, units[key]).total_minor - rate(version, before).total_minor
        tally.add(Tally(amounts={version.currency: grown}))
    return found


def by_day(found: Mapping[tuple[date, str], Tally], since: date, until: date) -> list[tuple[date, Tally]]:
    """Every day of the range, quiet ones too."""
    sums = {since + timedelta(days=n): Tally() for n in range((until - since).days + 1)}
    for (day, _), tally in found.items():
        sums[day].add(tally)
    return list(sums.items())
