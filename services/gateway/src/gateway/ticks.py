"""Reading clocks, often. `ticks.pyx` does the same without an object for each reading."""

import time
from time import monotonic, monotonic_ns

__all__ = ["monotonic", "monotonic_ns", "real_us"]


def real_us() -> int:
    """Real time in microseconds since 1970: business time where that is real time (`shared.clock.SystemClock`)."""
    return time.time_ns() // 1_000  # noqa: TID251
