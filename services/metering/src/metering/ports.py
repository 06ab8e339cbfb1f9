"""What the use cases need of the outside."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from metering.domain.aggregation import WindowColumns
from metering.domain.call_batch import Calls
from metering.domain.completeness import StreamClaim
from metering.domain.period import Period, Terms
from metering.domain.stream import StreamPosition
from metering.domain.usage_window import Window, WindowKey


@dataclass(frozen=True, slots=True)
class StreamUpdate:
    """A stream's position after a batch, and the partition it lives on."""

    stream_id: bytes
    partition: int
    position: StreamPosition


class UsageStore(Protocol):
    """Streams, windows and waiting calls, in one transaction of the caller."""

    async def positions(self, streams: Mapping[bytes, int]) -> dict[bytes, StreamPosition]:
        """Positions of all of `streams` (id -> partition), locked; new ones at their start."""
        ...

    async def save_positions(self, updates: Sequence[StreamUpdate]) -> None:
        """Store positions that `positions` locked."""
        ...

    async def terms(self, numbers: Collection[int]) -> dict[int, Terms]:
        """Terms of those subscriptions that are known with at least one period."""
        ...

    async def add(self, windows: WindowColumns) -> None:
        """Add to the totals and raise the revisions."""
        ...

    async def park(self, streams: Sequence[bytes], calls: Calls) -> None:
        """Keep calls until their subscription is known. `streams`: each call's stream."""
        ...

    async def take_waiting(self, numbers: Collection[int]) -> Calls:
        """Remove and return the waiting calls of these subscriptions."""
        ...

    async def waiting_and_known(self, limit: int) -> list[int]:
        """Subscriptions that have waiting calls although their terms are known."""
        ...

    async def save_subscription(
        self, number: int, subscription_id: str, version: int, end_us: int | None, period: Period | None
    ) -> bool:
        """Keep the newest version; False when this one is not newer."""
        ...


class WindowQueue(Protocol):
    """What the publisher reads and notes; every method is a transaction of its own."""

    async def acquire_lease(self) -> bool:
        """One publisher at a time; False while another has the lease."""
        ...

    async def release_lease(self) -> None:
        """Let the next publisher start at once."""
        ...

    async def follow_cluster(self, cluster_id: str) -> bool:
        """Remember the Kafka cluster; at another one, mark every window dirty, and say True."""
        ...

    async def due(self, limit: int) -> list[Window]:
        """Dirty windows not published within the last quarter second."""
        ...

    async def dirty(self, limit: int) -> dict[WindowKey, int]:
        """Dirty windows with their revisions, due or not."""
        ...

    async def mark_published(self, windows: Sequence[Window]) -> None:
        """After Kafka has them. Observes how long each took from its change."""
        ...

    async def read_offsets(self) -> dict[int, int]:
        """Next offset of each partition of the calls' topic, as committed with what was counted."""
        ...

    async def claims(self, readable_seconds: float) -> list[StreamClaim]:
        """Streams that are open or have an open gap. None is silent for longer than Kafka was readable."""
        ...

    async def earliest_waiting_us(self, younger_than_seconds: float) -> int | None:
        """Admission of the earliest waiting call among those that came lately."""
        ...

    async def complete_until_us(self) -> int:
        """The highest that was ever decided."""
        ...

    async def save_complete_until(self, complete_until_us: int) -> None:
        """Before it is said."""
        ...

    async def observe(self) -> None:
        """Refresh the gauges of gaps and waiting calls."""
        ...


@dataclass(frozen=True, slots=True)
class LogRange:
    """Offsets that a partition holds: [first, end)."""

    first: int
    end: int


class CallLog(Protocol):
    """The topic of the calls, seen from its end."""

    async def ranges(self) -> dict[int, LogRange]:
        """What every partition holds now."""
        ...

    async def close(self) -> None:
        """Free the connection."""
        ...


class UsageTopic(Protocol):
    """The topic of windows, written by one publisher; a second one's writes fence the first."""

    async def open(self) -> str:
        """Take over from whoever wrote before, and return the Kafka cluster's id."""
        ...

    async def publish(self, windows: Sequence[Window], complete_until: datetime | None) -> None:
        """All or nothing, windows first, then the completeness on every partition. Repeats are harmless."""
        ...

    async def close(self) -> None:
        """Free the connection."""
        ...
