"""Whatever way a stream is cut, repeated and mixed up: every sequence counts once."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from metering.domain.stream import FIRST_SEQUENCE, Span, StreamPosition, accept, claim, runs

BATCHES = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 20)), max_size=40)


@settings(max_examples=400)
@given(BATCHES)
def test_every_sequence_counts_exactly_once(batches: list[tuple[int, int]]) -> None:
    position, counted = StreamPosition(), []
    sent: set[int] = set()
    for first, count in batches:
        accepted = accept(position, first, count, now_us=1)
        position = accepted.position
        fresh = [sequence for span in accepted.fresh for sequence in range(span.first, span.end)]
        assert accepted.duplicates == count - len(fresh)
        assert set(fresh) <= set(range(first, first + count))
        counted += fresh
        sent |= set(range(first, first + count))
    assert sorted(counted) == sorted(sent)


@given(BATCHES)
def test_the_gaps_are_what_was_never_sent(batches: list[tuple[int, int]]) -> None:
    position = StreamPosition()
    sent: set[int] = set()
    for first, count in batches:
        position = accept(position, first, count, now_us=1).position
        sent |= set(range(first, first + count))
    missing = {sequence for gap in position.gaps for sequence in range(gap.span.first, gap.span.end)}
    assert missing == set(range(FIRST_SEQUENCE, position.next_sequence)) - sent
    assert (position.held_until_us is None) == (not position.gaps)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_all_parts_in_any_order_twice_leave_no_gap(sizes: list[int], random: object) -> None:
    parts, first = [], FIRST_SEQUENCE
    for size in sizes:
        parts.append((first, size))
        first += size
    parts *= 2
    random.shuffle(parts)  # type: ignore[attr-defined]
    position, fresh = StreamPosition(), 0
    for start, size in parts:
        accepted = accept(position, start, size, now_us=1)
        position, fresh = accepted.position, fresh + sum(span.count for span in accepted.fresh)
    assert (position.next_sequence, position.gaps, fresh) == (first, (), first - FIRST_SEQUENCE)


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9), st.integers(0, 1000)), max_size=30))
def test_a_hold_never_exceeds_what_was_claimed_before_the_gap(steps: list[tuple[int, int, int]]) -> None:
    position = StreamPosition()
    for first, count, until in steps:
        before = position
        position = accept(position, first, count, now_us=1).position
        if not before.gaps and position.gaps:
            assert position.held_until_us == before.claimed_until_us
        position = claim(position, until, closed=False)
        assert position.claimed_until_us >= before.claimed_until_us
        assert position.held_until_us is None or position.held_until_us <= position.claimed_until_us


@given(st.lists(st.booleans(), max_size=40))
def test_runs_are_the_true_places(valid: list[bool]) -> None:
    found = runs(valid)
    assert [place for span in found for place in range(span.first, span.end)] == [
        place for place, good in enumerate(valid) if good
    ]
    assert all(a.end < b.first for a, b in pairwise(found))
    assert all(isinstance(span, Span) for span in found)
