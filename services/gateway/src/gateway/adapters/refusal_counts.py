"""Refused calls as counts per second, reason, API and application; bounded, so that strangers cannot fill memory."""

from datetime import datetime

from gateway import metrics
from shared.clock import Clock
from shared.events.gateway import CallsRefused
from shared.ids import new_id

MAX_KEYS = 10_000


class RefusalCounts:
    """Counts until the shipper takes them."""

    def __init__(self, clock: Clock, *, max_keys: int = MAX_KEYS) -> None:
        self._clock = clock
        self._max_keys = max_keys
        self._counts: dict[tuple[datetime, str, int, int], int] = {}

    def count(self, reason: str, api_number: int, application_number: int) -> None:
        """One more in this second. Without room, calls are told apart by reason only, then by nothing."""
        metrics.CALLS.on_refusal(reason)
        second = self._clock.now().replace(microsecond=0)
        key = (second, reason, api_number, application_number)
        if key not in self._counts and len(self._counts) >= self._max_keys:
            metrics.REFUSALS_DROPPED.inc()
            oldest = next(iter(self._counts))[0]
            # Reasons are few: this adds at most one key for each.
            key = (oldest, reason, 0, 0)
        self._counts[key] = self._counts.get(key, 0) + 1

    def take(self, *, everything: bool = False) -> list[CallsRefused]:
        """Counts of seconds that are over, each with an id of its own."""
        current = self._clock.now().replace(microsecond=0)
        keys = [key for key in self._counts if everything or key[0] < current]
        return [
            CallsRefused(
                event_id=new_id("ref"),
                second=key[0],
                reason=key[1],
                api_number=key[2],
                application_number=key[3],
                calls=self._counts.pop(key),
            )
            for key in keys
        ]

    def give_back(self, events: list[CallsRefused]) -> None:
        """They could not be sent."""
        for event in events:
            key = (event.second, event.reason, event.api_number, event.application_number)
            self._counts[key] = self._counts.get(key, 0) + event.calls
