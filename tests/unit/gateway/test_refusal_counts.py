"""Refused calls are counted, whoever floods the gateway."""

from datetime import UTC, datetime, timedelta

from gateway.adapters.refusal_counts import RefusalCounts
from shared.clock import FixedClock


def test_counts_are_taken_when_their_second_is_over() -> None:
    clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    counts = RefusalCounts(clock)
    for _ in range(3):
        counts.count("rate-limited", 7, 3)
    assert counts.take() == []
    clock.advance(timedelta(seconds=1))
    (event,) = counts.take()
    assert (event.reason, event.api_number, event.application_number, event.calls) == ("rate-limited", 7, 3, 3)
    counts.give_back([event])
    assert [one.calls for one in counts.take()] == [3]
    assert counts.take() == []


def test_a_flood_is_bounded_and_still_counted() -> None:
    clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    counts = RefusalCounts(clock, max_keys=10)
    for number in range(1000):
        counts.count("unknown-api-key", number, 0)
    events = counts.take(everything=True)
    assert len(events) <= 11
    assert sum(event.calls for event in events) == 1000
