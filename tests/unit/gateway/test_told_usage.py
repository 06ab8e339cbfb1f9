"""What callers are told of their usage, as header lines."""

from datetime import UTC, datetime

import pytest

from gateway.adapters.access_token import AccessTokens
from gateway.adapters.tables import GatewayTables
from gateway.domain.told_usage import usage_lines
from shared.events.envelope import encode
from shared.events.usage import UsageTotals


def totals(version: int = 1, **changed: object) -> UsageTotals:
    values: dict[str, object] = {"subscription_id": "sub_1", "subscription_number": 7, "shown": True, **changed}
    return UsageTotals(version=version, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        (2468, "usd", b"24.68 USD"), (5, "usd", b"0.05 USD"), (0, "eur", b"0.00 EUR"), (1200, "jpy", b"1200 JPY"),
        (1234, "bhd", b"1.234 BHD"), (10**15, "usd", b"10000000000000.00 USD"),
    ],
)  # fmt: skip
def test_a_cost_has_its_currencys_decimals(amount: int, currency: str, said: bytes) -> None:
    assert b"X-Tollway-Usage-Cost: %b\r\n" % said in usage_lines(totals(amount_minor=amount, currency=currency))


def test_all_lines() -> None:
    end = datetime(2026, 12, 1, tzinfo=UTC)
    assert usage_lines(totals(units=1234, amount_minor=2468, period_end=end, quota_units=1000)) == (
        b"X-Tollway-Usage-Units: 1234\r\nX-Tollway-Usage-Cost: 24.68 USD\r\n"
        b"X-Tollway-Usage-Until: 2026-12-01T00:00:00Z\r\n"
        b"X-Tollway-Quota-Limit: 1000\r\nX-Tollway-Quota-Remaining: 0\r\n"
    )
    assert b"Quota" not in usage_lines(totals())


def test_the_newest_word_counts_and_the_last_may_be_nothing() -> None:
    tables = GatewayTables(AccessTokens("http://issuer.test"))
    for version, units in ((2, 20), (1, 10), (2, 30)):
        tables.apply_usage("sub_1", encode(totals(version, units=units)))
    assert b"Units: 20\r\n" in tables.usage_lines[7]
    tables.apply_usage("sub_1", encode(totals(3, shown=False)))
    assert tables.usage_lines == {}
    tables.apply_usage("sub_1", None)
    tables.apply_usage("sub_1", encode(totals(3)))
    assert tables.usage_lines == {}
