"""Until when everything recorded has been counted.

A stream's claim holds for what metering has read of it, so the minimum of all claims is what may be said, bounded by

- the business time at which the end of every partition was looked up: a stream that began after that is not known yet,
  and its calls are later than that;
- an open gap: a stream with one is held at what it had claimed before, since the skipped calls may be later than that;
- a waiting call: what is said stays at or below the moment it was admitted.

Each hold ends by itself: a stream silent for 5 minutes, a gap or a waiting call 5 minutes old leave the minimum with an
alarm, for one broken worker must not hold back everybody's invoices. What comes after that is a late row at billing,
never silence.
"""

from collections.abc import Iterable
from dataclasses import dataclass

HOLD_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class StreamClaim:
    """A stream that is open, or has an open gap. Ages in real seconds."""

    stream_id: bytes
    claimed_until_us: int
    held_until_us: int | None
    closed: bool
    silent_seconds: float
    gap_seconds: float | None


@dataclass(frozen=True, slots=True)
class Completeness:
    """What may be said, and what had to be left out of it."""

    complete_until_us: int
    silent: tuple[bytes, ...]
    overdue_gaps: tuple[bytes, ...]


def decide_complete_until(
    looked_up_at_us: int,
    claims: Iterable[StreamClaim],
    earliest_waiting_us: int | None,
    hold_seconds: float = HOLD_SECONDS,
) -> Completeness:
    """The minimum of all that hold it back. `earliest_waiting_us`: admission of the earliest call that waits, and has
    not waited longer than `hold_seconds`."""
    until = looked_up_at_us if earliest_waiting_us is None else min(looked_up_at_us, earliest_waiting_us)
    silent: list[bytes] = []
    overdue: list[bytes] = []
    for stream in claims:
        held = None
        if stream.gap_seconds is not None:
            if stream.gap_seconds > hold_seconds:
                overdue.append(stream.stream_id)
            else:
                held = stream.held_until_us
        if held is not None:
            until = min(until, held)
        elif stream.closed:
            continue
        elif stream.silent_seconds > hold_seconds:
            silent.append(stream.stream_id)
        else:
            until = min(until, stream.claimed_until_us)
    return Completeness(until, tuple(silent), tuple(overdue))
