"""Billing periods and the clock."""

from datetime import UTC, datetime

import pytest

from stripe_double.clock import Clock
from stripe_double.engine.periods import period_boundary


def at(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("interval", "count", "number", "expected"),
    [
        ("month", 1, 1, at(2026, 2, 28, 10)),
        ("month", 1, 2, at(2026, 3, 31, 10)),
        ("month", 3, 1, at(2026, 4, 30, 10)),
        ("year", 1, 1, at(2027, 1, 31, 10)),
        ("month", 1, 12, at(2027, 1, 31, 10)),
        ("week", 1, 1, at(2026, 2, 7, 10)),
        ("day", 1, 3, at(2026, 2, 3, 10)),
        ("month", 1, 0, at(2026, 1, 31, 10)),
    ],
)
def test_a_period_starts(interval: str, count: int, number: int, expected: int) -> None:
    assert period_boundary(at(2026, 1, 31, 10), interval, count, number) == expected


def test_29_february_comes_back_in_leap_years() -> None:
    assert period_boundary(at(2028, 2, 29), "year", 1, 1) == at(2029, 2, 28)
    assert period_boundary(at(2028, 2, 29), "year", 1, 4) == at(2032, 2, 29)


def test_the_clock_never_goes_back() -> None:
    clock = Clock(3_600_000_000)
    assert clock.offset_for(clock.now() - 100) == 3_600_000_000
    assert clock.offset_for(clock.now() + 100) > 3_600_000_000
