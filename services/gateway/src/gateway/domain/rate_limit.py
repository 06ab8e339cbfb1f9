"""A plan's rate limits as GCRA, exact in integers: time is counted in nanoseconds x count, so no rate is rounded.

GCRA keeps one number per limit, the theoretical arrival time (TAT) of the next call at the steady rate; a call passes
if the TAT lies no more than the burst ahead of now. Calls that other workers admitted move it too: the sum is what is
limited. What several workers let through before they heard of one another is a debt that later calls wait for.
"""

from collections.abc import Sequence
from typing import TypeAlias

from shared.events.catalog import RateLimit

_SECOND_NS = 1_000_000_000
# Debts beyond this are forgiven, or an hour without Kafka would shut an application out for hours.
MAX_DEBT_CALLS = 100
MAX_DEBT_SECONDS = 10

EntryKey: TypeAlias = tuple[str, str, bool]  # application, API, sandbox: the access entry that a limiter belongs to


class _Bucket:
    __slots__ = (
        "arrival", "count", "horizon", "interval", "limit", "name", "per_seconds", "policy", "second", "tolerance",
        "used",
    )  # fmt: skip

    def __init__(self, limit: RateLimit) -> None:
        self.count = limit.count
        self.limit = limit.burst or limit.count
        self.interval = limit.per_seconds * _SECOND_NS  # between calls, in ns x count
        self.tolerance = self.limit * self.interval
        self.second = limit.count * _SECOND_NS
        self.per_seconds = limit.per_seconds
        debt = max(MAX_DEBT_CALLS * self.interval, MAX_DEBT_SECONDS * _SECOND_NS * self.count)
        self.horizon = self.tolerance + debt  # the TAT is never further ahead of now
        self.arrival = 0
        self.used = 0  # by the call under decision, in ns x count
        self.name = b'"%ds"' % limit.per_seconds
        self.policy = b"%b;q=%d;w=%d" % (self.name, limit.count, limit.per_seconds)

    def left(self) -> int:
        """Calls that would still pass after the one under decision."""
        return (self.tolerance - self.used) // self.interval


class RateOutcome:
    """Whether the call passes, and the header lines that say how much is left."""

    __slots__ = ("admitted", "headers", "retry_after_seconds")

    def __init__(self, admitted: bool, headers: bytes, retry_after_seconds: int = 0) -> None:
        self.admitted = admitted
        self.headers = headers
        self.retry_after_seconds = retry_after_seconds


UNLIMITED = RateOutcome(True, b"")


class RateLimiter:
    """The limits of one access entry: a call passes if all of them let it, and only then counts in each."""

    __slots__ = (
        "_buckets", "_changed", "_least", "_passed", "_policy", "_remaining", "_reset", "key", "limits", "pending",
    )  # fmt: skip

    def __init__(
        self,
        limits: Sequence[RateLimit],
        key: EntryKey = ("", "", False),
        changed: "list[RateLimiter] | None" = None,
    ) -> None:
        self.limits = tuple(limits)
        self.key = key
        self.pending = 0  # calls admitted here that the other workers have not been told of
        self._changed = changed  # where limiters with pending calls wait for the exchange
        self._buckets = [_Bucket(limit) for limit in self.limits if limit.count > 0 and limit.per_seconds > 0]
        self._policy = b", ".join([bucket.policy for bucket in self._buckets])
        # What the last call was told: at a steady rate the next one is told the same.
        self._passed = UNLIMITED
        self._least: _Bucket | None = None
        self._remaining = -1
        self._reset = -1

    def take(self, now_ns: int) -> RateOutcome:
        """Decide one call at `now_ns` (monotonic)."""
        buckets = self._buckets
        if not buckets:
            return UNLIMITED
        wait = 0
        for bucket in buckets:
            used = bucket.arrival - now_ns * bucket.count
            bucket.used = used = (used if used > 0 else 0) + bucket.interval
            if used > bucket.tolerance:
                wait = max(wait, -(-(used - bucket.tolerance) // bucket.second))
        if wait:
            return self._refuse(buckets, wait)
        least = buckets[0]
        remaining = -1
        for bucket in buckets:
            bucket.arrival = now_ns * bucket.count + bucket.used
            left = (bucket.tolerance - bucket.used) // bucket.interval
            if remaining < 0 or left < remaining:
                least, remaining = bucket, left
        if self._changed is not None:
            if not self.pending:
                self._changed.append(self)
            self.pending += 1
        reset = -(-least.used // least.second)
        if remaining != self._remaining or reset != self._reset or least is not self._least:
            self._least, self._remaining, self._reset = least, remaining, reset
            self._passed = RateOutcome(True, self._headers(least, remaining, reset))
        return self._passed

    def _refuse(self, buckets: list[_Bucket], wait: int) -> RateOutcome:
        least = buckets[0]
        for bucket in buckets:
            bucket.used -= bucket.interval  # this call takes nothing
            if bucket.left() < least.left():
                least = bucket
        left = max(0, least.left())  # other workers may have let more through than there was
        return RateOutcome(False, self._headers(least, left, -(-least.used // least.second)), max(1, wait))

    def count_elsewhere(self, calls: int, now_ns: int) -> None:
        """Other workers admitted `calls`, as heard at `now_ns`."""
        for bucket in self._buckets:
            now = now_ns * bucket.count
            bucket.arrival = min(max(bucket.arrival, now) + calls * bucket.interval, now + bucket.horizon)

    def busy_ns(self, now_ns: int) -> tuple[int, ...]:
        """For each limit, how long until it is as if no call had ever come."""
        return tuple(max(bucket.arrival - now_ns * bucket.count, 0) // bucket.count for bucket in self._buckets)

    def is_busy(self, now_ns: int) -> bool:
        """Whether any limit remembers a call."""
        return any(bucket.arrival > now_ns * bucket.count for bucket in self._buckets)

    def fill(self, busy_ns: Sequence[int], now_ns: int) -> None:
        """Take over what another worker knew (its `busy_ns`, less its age). Repeats and older news change nothing."""
        if len(busy_ns) != len(self._buckets):
            return  # it spoke of other limits
        for bucket, busy in zip(self._buckets, busy_ns, strict=True):
            filled = (now_ns + busy) * bucket.count
            bucket.arrival = max(bucket.arrival, min(filled, now_ns * bucket.count + bucket.horizon))

    def inherit(self, before: "RateLimiter", now_ns: int) -> None:
        """The limits changed: calls already made under a limit of the same interval still count."""
        used_calls = {
            bucket.per_seconds: -(-max(bucket.arrival - now_ns * bucket.count, 0) // bucket.interval)
            for bucket in before._buckets
        }
        for bucket in self._buckets:
            used = min(used_calls.get(bucket.per_seconds, 0), bucket.limit)
            if used:
                bucket.arrival = now_ns * bucket.count + used * bucket.interval

    def give_back_pending(self, calls: int) -> None:
        """The other workers could not be told."""
        if self._changed is not None:
            if not self.pending:
                self._changed.append(self)
            self.pending += calls

    def take_pending(self) -> int:
        """Calls admitted here since the last time that this was asked."""
        pending, self.pending = self.pending, 0
        return pending

    def _headers(self, least: _Bucket, remaining: int, reset: int) -> bytes:
        """Of the limit with the least left. RateLimit and RateLimit-Policy: draft-ietf-httpapi-ratelimit-headers-10."""
        return (
            b"RateLimit-Policy: %b\r\nRateLimit: %b;r=%d;t=%d\r\n"
            b"X-RateLimit-Limit: %d\r\nX-RateLimit-Remaining: %d\r\nX-RateLimit-Reset: %d\r\n"
        ) % (self._policy, least.name, remaining, reset, least.limit, remaining, reset)
