"""A plan's rate limits as GCRA, exact in integers: time is counted in nanoseconds x count, so no rate is rounded.

GCRA keeps one number per limit, the theoretical arrival time (TAT) of the next call at the steady rate; a call passes
if the TAT lies no more than the burst ahead of now.
"""

from collections.abc import Sequence
from typing import TypeAlias

from shared.events.catalog import RateLimit

_SECOND_NS = 1_000_000_000

EntryKey: TypeAlias = tuple[str, str, bool]  # application, API, sandbox: the access entry that a limiter belongs to


class _Bucket:
    __slots__ = ("arrival", "count", "interval", "limit", "policy", "tolerance")

    def __init__(self, limit: RateLimit) -> None:
        self.count = limit.count
        self.limit = limit.burst or limit.count
        self.interval = limit.per_seconds * _SECOND_NS  # between calls, in ns x count
        self.tolerance = self.limit * self.interval
        self.arrival = 0
        self.policy = b'"%ds";q=%d;w=%d' % (limit.per_seconds, limit.count, limit.per_seconds)


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

    __slots__ = ("_buckets", "_changed", "_policy", "key", "limits", "pending")

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
        self._policy = b", ".join(bucket.policy for bucket in self._buckets)

    def take(self, now_ns: int) -> RateOutcome:
        """Decide one call at `now_ns` (monotonic)."""
        if not self._buckets:
            return UNLIMITED
        wait = 0
        for bucket in self._buckets:
            now = now_ns * bucket.count
            ahead = max(bucket.arrival, now) + bucket.interval - now - bucket.tolerance
            if ahead > 0:
                wait = max(wait, -(-ahead // (bucket.count * _SECOND_NS)))
        if wait:
            return RateOutcome(False, self._headers(now_ns), max(1, wait))
        for bucket in self._buckets:
            bucket.arrival = max(bucket.arrival, now_ns * bucket.count) + bucket.interval
        if self._changed is not None:
            if not self.pending:
                self._changed.append(self)
            self.pending += 1
        return RateOutcome(True, self._headers(now_ns))

    def _headers(self, now_ns: int) -> bytes:
        """Of the limit with the least left. RateLimit and RateLimit-Policy: draft-ietf-httpapi-ratelimit-headers-10."""
        least: _Bucket | None = None
        remaining = 0
        for bucket in self._buckets:
            used = max(bucket.arrival - now_ns * bucket.count, 0)
            left = (bucket.tolerance - used) // bucket.interval
            if least is None or left < remaining:
                least, remaining = bucket, left
        if least is None:
            return b""
        used = max(least.arrival - now_ns * least.count, 0)
        reset = -(-used // (least.count * _SECOND_NS))
        name = least.policy.partition(b";")[0]
        return (
            b"RateLimit-Policy: %b\r\nRateLimit: %b;r=%d;t=%d\r\n"
            b"X-RateLimit-Limit: %d\r\nX-RateLimit-Remaining: %d\r\nX-RateLimit-Reset: %d\r\n"
        ) % (self._policy, name, remaining, reset, least.limit, remaining, reset)
