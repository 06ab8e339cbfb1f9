"""What the connections of one worker share."""

from typing import Protocol

from gateway.domain.forwarded import TrustedProxies
from gateway.entrypoints.answers import Answers
from gateway.entrypoints.client_stream import ClientStream
from gateway.metrics import CallStats
from gateway.ports import Upstreams
from gateway.use_cases import CallGate


class Proxy(Protocol):
    """What all connections share."""

    gate: CallGate
    upstreams: Upstreams
    answers: Answers
    stats: CallStats
    draining: bool
    waiting: int
    trusted_proxies: TrustedProxies | None

    def opened(self, connection: ClientStream) -> None:
        """A connection came."""
        ...

    def closed(self, connection: ClientStream) -> None:
        """A connection went."""
        ...

    def may_wait(self) -> bool:
        """Room for one call more that waits for the tables."""
        ...
