"""Business time in the sandbox follows the compacted topic `sandbox.clock`."""

from collections.abc import Awaitable, Callable

from shared.clock import OffsetClock
from shared.events.envelope import decode
from shared.events.gateway import SandboxClock
from shared.events.topics import SANDBOX_CLOCK
from shared.messaging.table import TopicTable


def sandbox_clock_mover(
    clock: OffsetClock, moved: Callable[[], None] = lambda: None
) -> Callable[[str, bytes | None], None]:
    """Moves `clock` forward by a record's key and value; `moved` follows each move."""

    def apply(_: str, value: bytes | None) -> None:
        if value is not None:
            clock.set_offset_us(decode(value, SandboxClock).offset_us)
            moved()

    return apply


def sandbox_clock_table(
    bootstrap_servers: str, topic_prefix: str, clock: OffsetClock, moved: Callable[[], None] = lambda: None
) -> TopicTable:
    """A table that moves `clock`; run it beside the service's other parts."""
    apply = sandbox_clock_mover(clock, moved)
    return TopicTable(bootstrap_servers, SANDBOX_CLOCK, topic_prefix=topic_prefix, apply=apply)


def follow_sandbox_clock(
    bootstrap_servers: str, topic_prefix: str, clock: OffsetClock, moved: Callable[[], None] = lambda: None
) -> Callable[[], Awaitable[None]]:
    """The runner of `sandbox_clock_table`, for `run_service`."""
    return sandbox_clock_table(bootstrap_servers, topic_prefix, clock, moved).run
