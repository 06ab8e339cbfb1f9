"""What the gateway says beside calls (`gateway.refusals`) and the sandbox's clock (`sandbox.clock`)."""

from datetime import datetime

import msgspec

from shared.events.envelope import Event, State


class CallsRefused(Event, frozen=True, kw_only=True, tag="gateway.calls_refused.v1"):
    """How many calls were refused in one second, by reason (a problem type's name). 0 = not known."""

    event_id: str
    second: datetime
    reason: str
    api_number: int
    application_number: int
    calls: int


class RateCount(msgspec.Struct, frozen=True, array_like=True):
    """Calls that one worker admitted for one access entry, and how busy each of its limits is by what it knows."""

    application_id: str
    api_id: str
    sandbox: bool
    calls: int
    busy_us: tuple[int, ...]


class RateCounts(Event, frozen=True, kw_only=True, tag="gateway.rate_counts.v1"):
    """What one worker admitted since it last said so (`gateway.rate-counts`). Real time: limits are no business."""

    worker: str
    sent_at: datetime
    entries: tuple[RateCount, ...]


class SandboxClock(State, frozen=True, kw_only=True, tag="sandbox.clock.v1"):
    """Business time = real time + `offset_us`. Only ever moved forward. Key: `clock`."""

    offset_us: int
    set_at: datetime
