"""What a caller is told of its usage, where its plan says so: header lines, made when the figures come."""

from shared.events.usage import UsageTotals
from shared.money import exponent, to_major


def usage_lines(totals: UsageTotals) -> bytes:
    """Complete lines. The cost is in whole units of the currency, with its decimals: `24.68 USD`."""
    cost = f"{to_major(totals.amount_minor, totals.currency):.{exponent(totals.currency)}f} {totals.currency.upper()}"
    lines = [f"X-Tollway-Usage-Units: {totals.units}", f"X-Tollway-Usage-Cost: {cost}"]
    if totals.period_end is not None:
        lines.append(f"X-Tollway-Usage-Until: {totals.period_end:%Y-%m-%dT%H:%M:%SZ}")
    if totals.quota_units is not None:
        lines.append(f"X-Tollway-Quota-Limit: {totals.quota_units}")
        lines.append(f"X-Tollway-Quota-Remaining: {max(0, totals.quota_units - totals.units)}")
    return "".join(line + "\r\n" for line in lines).encode("ascii")
