"""Business time. Billing periods, windows, invoices and quotas read it from a `Clock`; nothing else tells the time.

Tokens, sessions, TLS, leases and Kafka's timestamps stay on real time: `real_now`.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells business time."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def now_us(self) -> int:
        """The same in microseconds since 1970, cheaper."""
        ...


def real_now() -> datetime:
    """Real time, aware, UTC."""
    return datetime.now(UTC)


def real_seconds() -> float:
    """Real time in seconds since 1970."""
    return time.time()


class SystemClock:
    """Business time is real time: production."""

    def now(self) -> datetime:
        """Aware, UTC."""
        return real_now()

    def now_us(self) -> int:
        """Microseconds since 1970."""
        return time.time_ns() // 1_000


class OffsetClock:
    """Business time is real time moved forward by an offset: the sandbox, where a month passes at a command."""

    def __init__(self) -> None:
        self.offset_us = 0

    def set_offset_us(self, offset_us: int) -> None:
        """Only forward: business time never runs back."""
        self.offset_us = max(self.offset_us, offset_us)

    def now(self) -> datetime:
        """Aware, UTC."""
        return real_now() + timedelta(microseconds=self.offset_us)

    def now_us(self) -> int:
        """Microseconds since 1970."""
        return time.time_ns() // 1_000 + self.offset_us


class FixedClock:
    """Stands still until a test moves it."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        """Aware, UTC."""
        return self._at

    def now_us(self) -> int:
        """Microseconds since 1970."""
        return to_us(self._at)

    def set(self, at: datetime) -> None:
        """Move to an instant."""
        self._at = at

    def advance(self, by: timedelta) -> None:
        """Move forward."""
        self._at += by


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """Microseconds since 1970, exactly (a float timestamp would round)."""
    return (at - EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    """The instant of `us` microseconds since 1970, aware, UTC."""
    return EPOCH + timedelta(microseconds=us)
