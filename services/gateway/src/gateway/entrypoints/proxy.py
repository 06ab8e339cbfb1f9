"""The listening socket and the connections behind it."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from gateway import metrics
from gateway.domain.forwarded import TrustedProxies
from gateway.entrypoints.answers import Answers
from gateway.entrypoints.client_connection import ClientConnection
from gateway.entrypoints.client_stream import ClientStream
from gateway.entrypoints.listening import HandOver, open_listener, take_over
from gateway.metrics import CallStats
from gateway.ports import Sockets, Upstreams
from gateway.use_cases import CallGate

SWEEP_SECONDS = 0.25
MAX_WAITING = 1_000


class ProxyServer:
    """Accepts clients; finishes them when it is told to stop."""

    def __init__(
        self,
        gate: CallGate,
        upstreams: Upstreams,
        answers: Answers,
        stats: CallStats,
        sockets: Sockets,
        trusted_proxies: TrustedProxies | None = None,
    ) -> None:
        self.gate = gate
        self.upstreams = upstreams
        self.answers = answers
        self.stats = stats
        self.trusted_proxies = trusted_proxies
        self.draining = False
        self.waiting = 0
        self._connections: set[ClientConnection] = set()
        self._sockets = sockets
        self._stop_serving: Callable[[], None] | None = None
        self._listener: socket.socket | None = None  # a second handle: the first belongs to those who accept
        self._hand_over: HandOver | None = None
        self._tls: ssl.SSLContext | None = None

    def opened(self, connection: ClientStream) -> None:
        """A connection came."""
        if isinstance(connection, ClientConnection):
            self._connections.add(connection)
        metrics.CONNECTIONS.set(len(self._connections))

    def closed(self, connection: ClientStream) -> None:
        """A connection went."""
        if isinstance(connection, ClientConnection):
            self._connections.discard(connection)
        metrics.CONNECTIONS.set(len(self._connections))

    def may_wait(self) -> bool:
        """Room for one call more that waits for the tables."""
        return self.waiting < MAX_WAITING

    async def listen(self, host: str, port: int, place: Path | None = None, tls: ssl.SSLContext | None = None) -> int:
        """Accept calls; the port, which the system chooses for 0. `place`: where the socket changes hands."""
        self._tls = tls
        listener = (take_over(place, host, port) if place is not None else None) or open_listener(host, port)
        self._listener = listener.dup()
        self._stop_serving = await self._sockets.serve(listener, self._accept, tls)
        if place is not None:
            self._hand_over = HandOver(place, self._listener)
        return int(self._listener.getsockname()[1])

    def _accept(self) -> ClientConnection:
        return ClientConnection(self)

    async def _stop_listening(self) -> None:
        """Connections that wait in the queue are accepted first: closing would reset them."""
        stop, listener = self._stop_serving, self._listener
        if stop is None or listener is None:
            return
        if self._hand_over is not None:
            self._hand_over.close()
        stop()
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                break
            with contextlib.suppress(OSError):
                await self._sockets.take_accepted(client, self._accept, self._tls)
        listener.close()
        self._stop_serving = self._listener = None

    def sweep(self) -> None:
        """End connections that take too long."""
        now = time.monotonic()
        for connection in list(self._connections):
            connection.sweep(now)

    async def drain(self, seconds: float) -> None:
        """Stop accepting, let calls under way finish, cut off what is left after `seconds`."""
        self.draining = True
        await self._stop_listening()
        deadline = time.monotonic() + seconds
        while self._connections and time.monotonic() < deadline:
            self.sweep()
            await asyncio.sleep(0.02)
        for connection in list(self._connections):
            connection.abort()
        # The loop tells the protocols in its next round; only then are their calls recorded.
        await asyncio.sleep(0.05)
