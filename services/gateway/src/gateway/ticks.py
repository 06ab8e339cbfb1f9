"""Reading clocks, often. `ticks.pyx` does the same without an object for each reading.

`now_seconds` is `monotonic` for what is judged in seconds: within a round of the sockets it need not be read anew.
"""

from time import monotonic, monotonic_ns, time_ns  # noqa: TID251

__all__ = ["end_round", "monotonic", "monotonic_ns", "now_seconds", "real_us", "start_round"]

now_seconds = monotonic


def start_round() -> None:
    """From here to `end_round`, `now_seconds` may say the same."""


def end_round() -> None:
    """`now_seconds` reads the clock again."""


def real_us() -> int:
    """Real time in microseconds since 1970: business time where that is real time (`shared.clock.SystemClock`)."""
    return time_ns() // 1_000
