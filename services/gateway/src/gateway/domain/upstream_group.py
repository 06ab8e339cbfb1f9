"""Several targets of one upstream: whose turn it is, which are broken, when a failed call may be tried elsewhere.

Each target is a circuit. Failures in a row open it (passive ejection); while it is open no call goes there; after a
pause one call, or an active probe, tries it again, and what comes of that closes or opens it. Where all are open, calls
fail at once: waiting for a dead upstream helps nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

_SECOND_NS = 1_000_000_000
_MAX_RETRY_TOKENS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSettings:
    """Times in seconds. `eject_after` 0: targets are never ejected; `retries` 0: no call is tried elsewhere."""

    eject_after: int = 0
    eject_seconds: float = 10.0
    retries: int = 0
    retry_budget_percent: int = 20
    health_path: str = ""
    health_interval_seconds: float = 10.0


@dataclass(slots=True)
class _Circuit:
    weight: int
    turn: int = 0
    failures: int = 0
    open_until_ns: int = 0  # 0: closed
    is_trying: bool = False
    probed_at_ns: int = field(default=-(1 << 62))


class UpstreamGroup(Generic[T]):
    """The targets of one deployment. Not thread-safe: it belongs to one event loop."""

    def __init__(self, settings: GroupSettings, weights: Sequence[int]) -> None:
        self.settings = settings
        self.targets: tuple[T, ...] = ()
        self._circuits = [_Circuit(max(1, weight)) for weight in weights]
        self._tokens = _MAX_RETRY_TOKENS

    @property
    def weights(self) -> list[int]:
        """Of the targets, in their order."""
        return [circuit.weight for circuit in self._circuits]

    def choose(self, now_ns: int) -> T:
        """The next target in smooth weighted turn; an open one only when all are (see `is_open`)."""
        # A fifth of the calls may be tried again, and some more after a quiet time.
        self._tokens = min(_MAX_RETRY_TOKENS, self._tokens + self.settings.retry_budget_percent / 100)
        place = self._next(now_ns, -1)
        return self.targets[place if place >= 0 else 0]

    def retry(self, failed: T, now_ns: int) -> T | None:
        """Another target for a call that certainly had no effect; None: there is none, or the budget is spent."""
        if self._tokens < 1:
            return None
        place = self._next(now_ns, self._place(failed))
        if place < 0:
            return None
        self._tokens -= 1
        return self.targets[place]

    def _next(self, now_ns: int, without: int) -> int:
        best, total = -1, 0
        for place, circuit in enumerate(self._circuits):
            if place == without or self._is_closed_to_calls(circuit, now_ns):
                continue
            circuit.turn += circuit.weight
            total += circuit.weight
            if best < 0 or circuit.turn > self._circuits[best].turn:
                best = place
        if best >= 0:
            chosen = self._circuits[best]
            chosen.turn -= total
            chosen.is_trying = bool(chosen.open_until_ns)
        return best

    @staticmethod
    def _is_closed_to_calls(circuit: _Circuit, now_ns: int) -> bool:
        """Open, or half open with a call on its way that will tell."""
        return bool(circuit.open_until_ns) and (now_ns < circuit.open_until_ns or circuit.is_trying)

    def is_open(self, target: T, now_ns: int) -> bool:
        """No call goes there for now."""
        return now_ns < self._circuits[self._place(target)].open_until_ns

    def succeeded(self, target: T) -> None:
        """It answered."""
        circuit = self._circuits[self._place(target)]
        circuit.failures = 0
        circuit.open_until_ns = 0
        circuit.is_trying = False

    def failed(self, target: T, now_ns: int) -> bool:
        """It did not; whether that opened its circuit."""
        circuit = self._circuits[self._place(target)]
        circuit.failures += 1
        circuit.is_trying = False
        if not self.settings.eject_after or circuit.failures < self.settings.eject_after:
            return False
        was_closed = not circuit.open_until_ns
        circuit.open_until_ns = now_ns + int(self.settings.eject_seconds * _SECOND_NS)
        return was_closed

    def due_probes(self, now_ns: int) -> list[T]:
        """Targets to be asked for their health now."""
        if not self.settings.health_path:
            return []
        interval_ns = int(self.settings.health_interval_seconds * _SECOND_NS)
        due = []
        for target, circuit in zip(self.targets, self._circuits, strict=True):
            if now_ns - circuit.probed_at_ns >= interval_ns:
                circuit.probed_at_ns = now_ns
                due.append(target)
        return due

    def open_count(self) -> int:
        """Targets without calls."""
        return sum(bool(circuit.open_until_ns) for circuit in self._circuits)

    def _place(self, target: T) -> int:
        return self.targets.index(target)
