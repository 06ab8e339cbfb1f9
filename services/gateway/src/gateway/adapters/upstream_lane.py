"""The connections to one address, and who keeps them."""

from gateway.domain.upstream import Upstream
from gateway.ports import Exchange, ResponseSink, Upstreams


class Lane:
    """The connections to one address."""

    __slots__ = ("busy", "connections", "idle")

    def __init__(self) -> None:
        self.connections: set[KeptConnection] = set()
        self.idle: list[KeptConnection] = []
        self.busy = 0  # connections with a call, those that are being made included


class KeptConnection(Exchange):
    """A connection of a lane; `upstream` is its present or last call's."""

    def __init__(self, upstream: Upstream, lane: Lane) -> None:
        super().__init__()
        self.upstream = upstream
        self.lane = lane

    def start(self, data: bytes, sink: ResponseSink, repeatable: bool) -> None:
        """Send a request."""
        raise NotImplementedError

    def is_late(self, now: float) -> bool:
        """The upstream has been silent, or the call under way, for longer than the deployment allows."""
        raise NotImplementedError

    def on_timeout(self) -> None:
        """It was late when the sweep came by."""
        raise NotImplementedError

    def is_idle_too_long(self, now: float) -> bool:
        """Kept without use."""
        raise NotImplementedError

    def close_idle(self) -> None:
        """Close a connection without a call."""
        raise NotImplementedError


class Pool(Upstreams):
    """Who keeps the connections."""

    def give_back(self, connection: "KeptConnection") -> None:
        """The call is over and the connection is clean."""
        raise NotImplementedError

    def forget(self, connection: "KeptConnection") -> None:
        """The connection is gone."""
        raise NotImplementedError

    def repeat(self, upstream: Upstream, data: bytes, sink: ResponseSink) -> None:
        """The same request once more, on a new connection."""
        raise NotImplementedError

    def try_elsewhere(self, failed: Upstream, data: bytes, sink: ResponseSink, tries: int, repeatable: bool) -> bool:
        """Send a request that certainly had no effect to another target; False: there is none to be had."""
        raise NotImplementedError

    def answered(self, upstream: Upstream, status: int) -> None:
        """A response's head came."""
        raise NotImplementedError

    def failed(self, upstream: Upstream) -> None:
        """A target did not answer as it should."""
        raise NotImplementedError
