"""Windows are the plain sum of calls, however the calls are split, ordered or numbered."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.call_batches import Call, batch

from metering.domain.aggregation import aggregate
from metering.domain.call_batch import Calls, decode_calls, is_committed, is_countable, join
from metering.domain.period import Period, Terms, boundaries, counted_at, period_start_of
from metering.domain.usage_window import MINUTE_US, Usage, WindowKey
from shared.events.call_record import FLAG_BILLABLE, FLAG_INTENT_ONLY, FLAG_SANDBOX

BASE_US = 1_790_000_000_000_000
BIG = (1 << 32) - 1

calls = st.builds(
    Call,
    time_us=st.integers(BASE_US, BASE_US + 10 * MINUTE_US),
    subscription=st.sampled_from([1, 2, 3, (1 << 62) - 1]),
    plan_version=st.sampled_from([1, 2, BIG]),
    api=st.sampled_from([1, BIG]),
    operation=st.sampled_from([0, 1, BIG]),
    units=st.sampled_from([0, 1, 5, BIG]),
    status=st.sampled_from([0, 200, 302, 404, 503]),
    flags=st.sampled_from([0, FLAG_BILLABLE, FLAG_SANDBOX | FLAG_BILLABLE, FLAG_INTENT_ONLY | FLAG_BILLABLE]),
)
instants = st.integers(BASE_US - MINUTE_US, BASE_US + 11 * MINUTE_US)
terms_of = st.builds(
    lambda starts, end: (tuple(sorted(starts)), end), st.sets(instants, min_size=1, max_size=4), st.none() | instants
)
all_terms = st.fixed_dictionaries(dict.fromkeys((1, 2, 3, (1 << 62) - 1), terms_of)).map(
    lambda known: {number: Terms(number, *parts) for number, parts in known.items()}
)


def array(given_calls: list[Call]) -> Calls:
    return decode_calls(batch(bytes(16), 0, given_calls))


def plainly(given_calls: list[Call], terms: dict[int, Terms]) -> dict[WindowKey, Usage]:
    """The same rule, one call at a time."""
    windows: dict[WindowKey, Usage] = {}
    for call in given_calls:
        own = terms[call.subscription]
        start, instant = period_start_of(own, call.time_us), counted_at(own, call.time_us)
        intent, sandbox = bool(call.flags & FLAG_INTENT_ONLY), bool(call.flags & FLAG_SANDBOX)
        billable = bool(call.flags & FLAG_BILLABLE) and not sandbox and not intent
        key = WindowKey(
            call.subscription, call.plan_version, start, call.api, call.operation,
            max(instant // MINUTE_US * MINUTE_US, start), sandbox, billable, 0 if intent else call.status // 100,
        )  # fmt: skip
        usage = Usage(1, call.units if billable else 0)
        windows[key] = windows.get(key, Usage(0, 0)).plus(usage)
    return windows


@settings(max_examples=300)
@given(st.lists(calls, max_size=60), all_terms)
def test_the_vectorised_rule_is_the_plain_rule(given_calls: list[Call], terms: dict[int, Terms]) -> None:
    columns = aggregate(array(given_calls), terms)
    assert columns.windows() == plainly(given_calls, terms)
    rows = list(zip(*columns.key, strict=True))
    assert rows == sorted(rows), "rows are locked in the order of their keys"
    assert len(rows) == len(set(rows))


@given(st.lists(calls, max_size=60), all_terms, st.integers(0, 60), st.randoms(use_true_random=False))
def test_any_split_in_any_order_gives_the_same_windows(
    given_calls: list[Call], terms: dict[int, Terms], cut: int, random: object
) -> None:
    whole = aggregate(array(given_calls), terms).windows()
    shuffled = list(given_calls)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    merged: dict[WindowKey, Usage] = {}
    for part in (shuffled[cut:], shuffled[:cut]):
        for key, usage in aggregate(array(part), terms).windows().items():
            merged[key] = usage.plus(merged.get(key, Usage(0, 0)))
    assert merged == whole
    assert sum(usage.calls for usage in whole.values()) == len(given_calls)


@given(st.lists(calls, min_size=1, max_size=40), all_terms)
def test_no_window_lies_outside_its_period_or_spans_a_boundary(
    given_calls: list[Call], terms: dict[int, Terms]
) -> None:
    for key in aggregate(array(given_calls), terms).windows():
        own = terms[key.subscription_number]
        assert key.period_start_us in own.boundaries_us
        assert key.period_start_us <= key.window_start_us
        later = [boundary for boundary in own.boundaries_us if boundary > key.period_start_us]
        assert not later or key.window_start_us < later[0]
        assert own.end_us is None or key.window_start_us < max(own.end_us, own.boundaries_us[0] + 1)


@given(st.lists(st.tuples(st.integers(0, 50), st.none() | st.integers(0, 80)), min_size=1, max_size=6))
def test_boundaries_are_sorted_and_hold_every_start(given_periods: list[tuple[int, int | None]]) -> None:
    periods = [Period(start, end) for start, end in given_periods]
    found = boundaries(periods)
    assert list(found) == sorted(set(found))
    assert {period.start_us for period in periods} <= set(found)
    assert set(found) <= {edge for pair in given_periods for edge in pair if edge is not None}


@given(st.lists(calls, min_size=1, max_size=20), st.data())
def test_a_changed_byte_is_torn(given_calls: list[Call], data: st.DataObject) -> None:
    value = bytearray(batch(bytes(16), 5, given_calls))
    assert is_committed(decode_calls(bytes(value)), 5).all()
    place = data.draw(st.integers(48, len(value) - 1))
    value[place] ^= data.draw(st.integers(1, 255))
    sound = is_committed(decode_calls(bytes(value)), 5)
    assert Counter(sound.tolist()) == Counter(
        {True: len(given_calls) - 1, False: 1} if len(given_calls) > 1 else {False: 1}
    )
    assert not sound[(place - 48) // 96]
    assert not is_committed(decode_calls(bytes(value)), 6).any(), "a record at the wrong place is not believed"


def test_joined_parts_keep_every_call() -> None:
    parts = [array([Call(BASE_US, number)]) for number in (0, 1, 2)]
    assert join(parts)["subscription"].tolist() == [0, 1, 2]
    assert is_countable(join(parts)).tolist() == [False, True, True]
    assert len(join([])) == 0
    assert np.array_equal(join([]), join([]))
