"""What workers tell one another of rate limits, without Kafka."""

from collections.abc import Sequence
from datetime import timedelta

from gateway.adapters.rate_exchange import RateExchange
from gateway.domain.rate_limit import EntryKey, RateLimiter
from shared.clock import real_now
from shared.events.catalog import RateLimit
from shared.events.gateway import RateCounts

KEY = ("app_1", "api_1", False)
SECOND = 1_000_000_000


class Nowhere:
    async def send(self, topic: str, value: bytes, *, key: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
        raise AssertionError("nothing is sent here")


class Worker:
    def __init__(self, name: str, limit: RateLimit) -> None:
        self.name = name
        self.now_ns = SECOND
        self.changed: list[RateLimiter] = []
        self.only = RateLimiter((limit,), KEY, self.changed)
        self.exchange = RateExchange(Nowhere(), "", name, self, interval_seconds=0.1, monotonic_ns=lambda: self.now_ns)

    def limiter(self, key: EntryKey) -> RateLimiter | None:
        return self.only if key == KEY else None

    def admitted(self, calls: int) -> int:
        return sum(self.only.take(self.now_ns).admitted for _ in range(calls))

    def says(self) -> RateCounts:
        return RateCounts(worker=self.name, sent_at=real_now(), entries=tuple(self.exchange.take_counts()))


def test_what_one_admitted_the_other_counts() -> None:
    limit = RateLimit(count=10, per_seconds=60)
    one, two = Worker("00aa", limit), Worker("00bb", limit)
    assert (one.admitted(7), two.admitted(2)) == (7, 2)
    said = one.says()
    assert [(count.application_id, count.calls) for count in said.entries] == [("app_1", 7)]
    two.exchange.apply(said, is_history=False, now=real_now())
    assert two.admitted(5) == 1
    assert one.says().entries == ()  # nothing new


def test_history_fills_and_does_not_add() -> None:
    limit = RateLimit(count=10, per_seconds=3600)
    one, new = Worker("00aa", limit), Worker("00bb", limit)
    one.admitted(4)
    first = one.says()
    one.admitted(2)
    second = one.says()
    for said in (first, second, second):
        new.exchange.apply(said, is_history=True, now=real_now())
    assert new.admitted(10) == 4


def test_old_news_are_worth_less() -> None:
    limit = RateLimit(count=10, per_seconds=10)
    one, new = Worker("00aa", limit), Worker("00bb", limit)
    one.admitted(10)
    said = one.says()
    new.exchange.apply(said, is_history=True, now=said.sent_at + timedelta(seconds=5))
    assert new.admitted(10) == 5


def test_a_busy_state_is_said_again_and_an_idle_one_forgotten() -> None:
    worker = Worker("0000", RateLimit(count=10, per_seconds=60))
    worker.admitted(3)
    worker.says()
    assert worker.exchange.states_to_say_again() == []  # just said
    worker.exchange._said[KEY] = -1e9
    (state,) = worker.exchange.states_to_say_again()
    assert (state.calls, len(state.busy_us)) == (0, 1)
    assert state.busy_us[0] > 0
    worker.exchange._said[KEY] = -1e9
    worker.now_ns += 3600 * SECOND
    assert worker.exchange.states_to_say_again() == []
    assert worker.exchange._said == {}
