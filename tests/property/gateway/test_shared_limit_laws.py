"""Several workers that exchange counts limit the sum: whatever is let through too much is paid back."""

from dataclasses import dataclass, field

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.domain.rate_limit import RateLimiter
from shared.events.catalog import RateLimit

SECOND = 1_000_000_000


@dataclass
class Workers:
    """Workers with one access entry, whose counts arrive at the others `delay_ns` after they were taken."""

    limit: RateLimit
    count: int
    delay_ns: int
    admitted: list[int] = field(default_factory=list)
    _on_the_way: list[tuple[int, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.limiters = [RateLimiter((self.limit,), changed=[]) for _ in range(self.count)]

    def call(self, worker: int, now_ns: int) -> None:
        if self.limiters[worker].take(now_ns).admitted:
            self.admitted.append(now_ns)

    def exchange(self, now_ns: int) -> None:
        for at, sender, calls in [one for one in self._on_the_way if one[0] <= now_ns]:
            self._on_the_way.remove((at, sender, calls))
            for number, limiter in enumerate(self.limiters):
                if number != sender:
                    limiter.count_elsewhere(calls, now_ns)
        for number, limiter in enumerate(self.limiters):
            if calls := limiter.take_pending():
                self._on_the_way.append((now_ns + self.delay_ns, number, calls))


@given(
    rate=st.integers(5, 500),
    burst=st.integers(1, 500),
    overload=st.integers(2, 8),
    count=st.integers(2, 8),
    interval_ms=st.integers(20, 200),
    delay_ms=st.integers(0, 100),
)
@settings(max_examples=40, deadline=None)
def test_steady_overload_passes_at_most_2_percent_over_and_one_interval(
    rate: int, burst: int, overload: int, count: int, interval_ms: int, delay_ms: int
) -> None:
    workers = Workers(RateLimit(count=rate, per_seconds=1, burst=burst), count, delay_ms * 1_000_000)
    offered, seconds = rate * overload, 10
    next_exchange = SECOND
    for number in range(offered * seconds):
        now = SECOND + number * SECOND // offered
        while now >= next_exchange:
            workers.exchange(next_exchange)
            next_exchange += interval_ms * 1_000_000
        workers.call(number % count, now)
    # Until the counts arrive, each worker sees its own calls only.
    one_interval = offered * (2 * interval_ms + delay_ms) // 1000 + count
    assert len(workers.admitted) <= 1.02 * (burst + rate * seconds) + one_interval
    # In the long run it is exact: once the burst is used up there is nothing left to pay with.
    assume(burst <= rate * (overload - 1) * seconds // 2)
    second_half = sum(at >= SECOND * (1 + seconds // 2) for at in workers.admitted)
    assert second_half <= 1.02 * rate * seconds / 2 + one_interval


@given(rate=st.integers(1, 50), burst=st.integers(1, 50), calls=st.integers(0, 200), waited_ms=st.integers(0, 3000))
def test_a_worker_that_starts_knows_what_the_others_admitted(rate: int, burst: int, calls: int, waited_ms: int) -> None:
    limit = RateLimit(count=rate, per_seconds=1, burst=burst)
    old, new = RateLimiter((limit,)), RateLimiter((limit,))
    for _ in range(calls):
        old.take(SECOND)
    later = SECOND + waited_ms * 1_000_000
    told = old.busy_ns(SECOND)
    new.fill([max(0, busy - waited_ms * 1_000_000) for busy in told], later)
    new.fill([max(0, busy - waited_ms * 1_000_000) for busy in told], later)  # a repeat changes nothing

    def left(limiter: RateLimiter) -> int:
        return next(n for n in range(burst + 1) if not limiter.take(later).admitted)

    # Nanoseconds are rounded down: it may know less by a fraction of a call.
    assert abs(left(new) - left(old)) <= 1


@given(st.integers(1, 100), st.integers(1, 10_000))
def test_a_debt_is_bounded(rate: int, calls: int) -> None:
    limiter = RateLimiter((RateLimit(count=rate, per_seconds=60),))
    limiter.count_elsewhere(calls, SECOND)
    outcome = limiter.take(SECOND)
    if not outcome.admitted:
        assert outcome.retry_after_seconds <= max(100 * 60 / rate, 10) + 60 / rate + 1


def test_a_new_plan_gives_no_fresh_burst() -> None:
    before = RateLimiter((RateLimit(count=10, per_seconds=60), RateLimit(count=100, per_seconds=3600)))
    for _ in range(10):
        assert before.take(SECOND).admitted
    after = RateLimiter((RateLimit(count=15, per_seconds=60),))
    after.inherit(before, SECOND)
    assert [after.take(SECOND).admitted for _ in range(6)] == [True] * 5 + [False]
