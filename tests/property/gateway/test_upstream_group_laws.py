"""Targets get their share, broken ones get nothing, and retries stay within their budget."""

from collections import Counter

from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.domain.upstream_group import GroupSettings, UpstreamGroup

SECOND = 1_000_000_000


def group(weights: list[int], **settings: object) -> UpstreamGroup[str]:
    made: UpstreamGroup[str] = UpstreamGroup(GroupSettings(**settings), weights)  # type: ignore[arg-type]
    made.targets = tuple(f"target-{number}" for number in range(len(weights)))
    return made


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_in_each_round_every_target_gets_exactly_its_weight(weights: list[int]) -> None:
    some = group(weights)
    for _ in range(3):
        chosen = Counter(some.choose(0) for _ in range(sum(weights)))
        assert [chosen[f"target-{number}"] for number in range(len(weights))] == weights


@given(st.integers(1, 5), st.integers(1, 60))
def test_failures_in_a_row_open_a_circuit_and_one_trial_closes_it(eject_after: int, eject_seconds: int) -> None:
    some = group([1, 1], eject_after=eject_after, eject_seconds=eject_seconds)
    for _ in range(eject_after - 1):
        assert not some.failed("target-0", 0)
    some.succeeded("target-0")  # in a row means in a row
    for _ in range(eject_after - 1):
        assert not some.failed("target-0", 0)
    assert some.failed("target-0", 0)
    assert {some.choose(1) for _ in range(10)} == {"target-1"}
    later = eject_seconds * SECOND + 1
    trials = [some.choose(later) for _ in range(10)]
    assert trials.count("target-0") == 1  # half open: one call tells
    some.failed("target-0", later)
    assert {some.choose(later + 1) for _ in range(10)} == {"target-1"}
    again = later + eject_seconds * SECOND + 1
    while some.choose(again) != "target-0":
        pass
    some.succeeded("target-0")
    assert Counter(some.choose(again) for _ in range(10)) == {"target-0": 5, "target-1": 5}


def test_when_all_are_open_calls_fail_at_once() -> None:
    some = group([1, 1], eject_after=1)
    for target in some.targets:
        some.failed(target, 0)
    assert some.is_open(some.choose(1), 1)
    assert some.retry("target-0", 1) is None
    assert some.open_count() == 2


@given(calls=st.integers(1, 500), percent=st.integers(0, 100))
def test_retries_stay_within_their_budget(calls: int, percent: int) -> None:
    some = group([1, 1], retries=1, retry_budget_percent=percent)
    retried = 0
    for _ in range(calls):
        failed = some.choose(0)
        other = some.retry(failed, 0)
        if other is not None:
            assert other != failed
            retried += 1
    assert retried <= 10 + calls * percent / 100
    assume(percent > 0 and calls > 100)
    assert retried >= calls * percent // 100


def test_probes_are_due_once_an_interval() -> None:
    some = group([1, 1], health_path="/healthz", health_interval_seconds=5)
    assert some.due_probes(0) == ["target-0", "target-1"]
    assert some.due_probes(4 * SECOND) == []
    assert some.due_probes(5 * SECOND) == ["target-0", "target-1"]
    assert group([1]).due_probes(0) == []
