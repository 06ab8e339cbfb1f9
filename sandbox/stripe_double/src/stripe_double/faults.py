"""Faults that tests switch on: the next `times` requests of a method and path go wrong in a chosen way."""

import dataclasses
import fnmatch

MODES = (
    "409",  # lock timeout, nothing done
    "429",  # rate limit, nothing done; the SDK does not retry it by itself
    "429_should_retry",  # the same with Stripe-Should-Retry: true
    "500_before",  # nothing done, nothing stored: a retry works
    "500_after",  # the work is done, the 500 is stored and replayed under its Idempotency-Key
    "timeout_before",  # no answer for `seconds`, nothing done
    "timeout_after",  # the work is done, then no answer for `seconds`
    "slow",  # the right answer, `seconds` late
)


@dataclasses.dataclass(slots=True)
class Fault:
    """One fault and how many requests it still hits. `path` may hold `*`."""

    method: str
    path: str
    mode: str
    times: int = 1
    seconds: float = 30.0


class Faults:
    """The faults switched on now; they live in memory only."""

    def __init__(self) -> None:
        self._active: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Switch one on."""
        if fault.mode not in MODES:
            raise ValueError(f"unknown mode {fault.mode!r}; one of {', '.join(MODES)}")
        self._active.append(fault)

    def clear(self) -> None:
        """Switch all off."""
        self._active.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that hits this request, used up once."""
        for fault in self._active:
            if fault.method in ("*", method) and fnmatch.fnmatchcase(path, fault.path):
                fault.times -= 1
                if fault.times <= 0:
                    self._active.remove(fault)
                return fault
        return None

    def listed(self) -> list[dict[str, object]]:
        """For the admin page."""
        return [dataclasses.asdict(fault) for fault in self._active]
