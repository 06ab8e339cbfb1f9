"""How many failed authentications one address may cause: a signature check costs more than all else of a call."""

import ipaddress

_SECOND_NS = 1_000_000_000
MAX_ADDRESSES = 10_000


class FailureBudget:
    """GCRA by address, bounded in memory: with more addresses than that, the oldest is forgotten."""

    __slots__ = ("_arrivals", "_burst_ns", "_interval_ns", "_max_addresses")

    def __init__(self, per_second: float, burst: int, *, max_addresses: int = MAX_ADDRESSES) -> None:
        self._interval_ns = int(_SECOND_NS / per_second)
        self._burst_ns = burst * self._interval_ns
        self._max_addresses = max_addresses
        self._arrivals: dict[bytes, int] = {}

    def note_failure(self, address: bytes, now_ns: int) -> None:
        """One more from this address."""
        key = _network_of(address)
        arrival = max(self._arrivals.pop(key, 0), now_ns) + self._interval_ns
        if len(self._arrivals) >= self._max_addresses:
            del self._arrivals[next(iter(self._arrivals))]
        self._arrivals[key] = min(arrival, now_ns + self._burst_ns + self._interval_ns)

    def is_spent(self, address: bytes, now_ns: int) -> bool:
        """Whether the address has to wait before it may try another unknown credential."""
        if not self._arrivals:
            return False
        return self._arrivals.get(_network_of(address), 0) - now_ns > self._burst_ns - self._interval_ns

    def retry_after_seconds(self, address: bytes, now_ns: int) -> int:
        """Until it may."""
        ahead = self._arrivals.get(_network_of(address), 0) - now_ns - self._burst_ns + self._interval_ns
        return max(1, -(-ahead // _SECOND_NS))


def _network_of(address: bytes) -> bytes:
    """Whoever has one IPv6 address has the /64 around it."""
    if b":" not in address:
        return address
    try:
        return ipaddress.IPv6Address(address.decode().partition("%")[0]).packed[:8]
    except ValueError:
        return address
