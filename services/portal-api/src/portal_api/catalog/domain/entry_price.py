"""The lowest price at which a plan, or an API, can be begun: what a catalogue card says after "from"."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from shared.events.catalog import Interval, PlanVersion

PriceBasis = Literal["free", "request", "package", "period"]
# What a developer risks by beginning: nothing, single requests, packages, a fee.
_ORDER: tuple[PriceBasis, ...] = ("free", "request", "package", "period")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPrice:
    """`amount` in minor units, exact, for one `basis`; a package has `package_size` requests."""

    basis: PriceBasis
    amount: Decimal = Decimal(0)
    currency: str
    interval: Interval
    package_size: int | None = None


def entry_price(version: PlanVersion) -> EntryPrice:
    """Of one plan version. A fee counts before the price of a request, because it is due first."""
    basis, amount = _basis(version)
    return EntryPrice(
        basis=basis,
        amount=amount,
        currency=version.currency,
        interval=version.interval,
        package_size=version.package_size if basis == "package" else None,
    )


def lowest_entry_price(versions: Iterable[PlanVersion]) -> EntryPrice | None:
    """Of all plans of an API; None without plans. Currencies do not compare: the first plan's is taken."""
    prices = [entry_price(version) for version in versions]
    if not prices:
        return None
    free = [price for price in prices if price.basis == "free"]
    same = [price for price in prices if price.currency == prices[0].currency]
    return min(free or same, key=lambda price: (_ORDER.index(price.basis), price.amount))


def _basis(version: PlanVersion) -> tuple[PriceBasis, Decimal]:
    if version.pricing_model == "free":
        return "free", Decimal(0)
    if version.flat_amount_decimal:
        return "period", version.flat_amount_decimal
    if version.pricing_model == "package":
        return "package", version.unit_amount_decimal or Decimal(0)
    if version.tiers:
        units = [tier.unit_amount_decimal for tier in version.tiers]
        return "request", min((amount for amount in units if amount), default=Decimal(0))
    return ("period" if version.pricing_model == "flat" else "request"), version.unit_amount_decimal or Decimal(0)
