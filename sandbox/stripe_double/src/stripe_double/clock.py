"""The double's clock: real time plus an offset that only grows."""

from datetime import UTC, datetime


def real_seconds() -> float:
    """Real time in unix seconds. Only webhook retries use it directly; billing reads `Clock.now`."""
    return datetime.now(UTC).timestamp()  # noqa: TID251 - the double stands alone and has no other clock to ask


def utc(at: float) -> datetime:
    """Aware UTC datetime of unix seconds."""
    return datetime.fromtimestamp(at, UTC)


class Clock:
    """Tells the double's time. The offset is kept in microseconds so that it survives a round trip through JSON."""

    def __init__(self, offset_us: int = 0) -> None:
        self.offset_us = offset_us

    def now(self) -> float:
        """The double's time in unix seconds."""
        return real_seconds() + self.offset_us / 1e6

    def offset_for(self, at: float) -> int:
        """The offset at which the clock would show at least `at`; never below the present one."""
        return max(self.offset_us, round((at - real_seconds()) * 1e6))
