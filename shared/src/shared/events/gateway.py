"""What the gateway says beside calls (`gateway.refusals`) and the sandbox's clock (`sandbox.clock`)."""

from datetime import datetime

from shared.events.envelope import Event, State


class CallsRefused(Event, frozen=True, kw_only=True, tag="gateway.calls_refused.v1"):
    """How many calls were refused in one second, by reason (a problem type's name). 0 = not known."""

    event_id: str
    second: datetime
    reason: str
    api_number: int
    application_number: int
    calls: int


class SandboxClock(State, frozen=True, kw_only=True, tag="sandbox.clock.v1"):
    """Business time = real time + `offset_us`. Only ever moved forward. Key: `clock`."""

    offset_us: int
    set_at: datetime
