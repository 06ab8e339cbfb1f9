"""A limit never lets more through than it says, whenever calls come, and always lets a patient caller through."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.rate_limit import RateLimiter
from shared.events.catalog import RateLimit

SECOND = 1_000_000_000
limits = st.builds(
    RateLimit, count=st.integers(1, 50), per_seconds=st.sampled_from((1, 7, 60, 3600)), burst=st.integers(0, 30)
)
waits = st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=120)


@given(st.lists(limits, min_size=1, max_size=3), waits)
def test_in_any_interval_at_most_burst_plus_rate_times_interval_are_admitted(
    several: list[RateLimit], gaps: list[int]
) -> None:
    limiter = RateLimiter(several)
    now, admitted = SECOND, []
    for gap in gaps:
        now += gap
        if limiter.take(now).admitted:
            admitted.append(now)
    for limit in several:
        burst = limit.burst or limit.count
        for first in range(len(admitted)):
            for last in range(first, len(admitted)):
                elapsed = admitted[last] - admitted[first]
                assert last - first + 1 <= burst + elapsed * limit.count // (limit.per_seconds * SECOND)


@given(limits, waits)
def test_waiting_as_long_as_told_always_helps_and_refusals_cost_nothing(limit: RateLimit, gaps: list[int]) -> None:
    limiter = RateLimiter((limit,))
    now = SECOND
    for gap in gaps:
        now += gap
        outcome = limiter.take(now)
        if not outcome.admitted:
            assert outcome.retry_after_seconds >= 1
            for _ in range(5):
                limiter.take(now)
            now += outcome.retry_after_seconds * SECOND
            assert limiter.take(now).admitted
