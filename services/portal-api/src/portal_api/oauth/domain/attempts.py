"""How often a caller may fail to authenticate before it must wait."""

from collections import OrderedDict
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=1)
MAX_FAILURES_PER_CLIENT = 10
MAX_FAILURES_PER_ADDRESS = 100
MAX_KEYS = 20_000


class Attempts:
    """Counts failures per (address, client) and per address, in fixed windows, within bounded memory.

    A client alone is no key: a stranger could lock it out from everywhere by failing in its name. Each replica counts
    for itself: the secrets are 256 random bits, so the limit keeps noise away, it is not what protects them.
    """

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, str], tuple[datetime, int]] = OrderedDict()

    def retry_after_seconds(self, address: str, client_id: str, now: datetime) -> int:
        """0 = go on."""
        waits = (
            self._wait((address, client_id), MAX_FAILURES_PER_CLIENT, now),
            self._wait((address, ""), MAX_FAILURES_PER_ADDRESS, now),
        )
        return max(waits)

    def failed(self, address: str, client_id: str, now: datetime) -> None:
        """Count a failure."""
        for key in ((address, client_id), (address, "")):
            started, count = self._counts.pop(key, (now, 0))
            if now - started >= WINDOW:
                started, count = now, 0
            self._counts[key] = (started, count + 1)
        while len(self._counts) > MAX_KEYS:
            self._counts.popitem(last=False)

    def _wait(self, key: tuple[str, str], limit: int, now: datetime) -> int:
        started, count = self._counts.get(key, (now, 0))
        left = started + WINDOW - now
        if count < limit or left <= timedelta(0):
            return 0
        return left // timedelta(seconds=1) + 1
