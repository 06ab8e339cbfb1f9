"""The listening socket and the connections behind it."""

import asyncio
import socket
import time
from collections.abc import Callable
from typing import cast

from gateway import metrics
from gateway.entrypoints.answers import Answers
from gateway.entrypoints.client_connection import ClientConnection
from gateway.entrypoints.client_stream import ClientStream
from gateway.metrics import CallStats
from gateway.ports import Upstreams
from gateway.use_cases import CallGate

SWEEP_SECONDS = 0.25
MAX_WAITING = 1_000


class ProxyServer:
    """Accepts clients; finishes them when it is told to stop."""

    def __init__(self, gate: CallGate, upstreams: Upstreams, answers: Answers, stats: CallStats) -> None:
        self.gate = gate
        self.upstreams = upstreams
        self.answers = answers
        self.stats = stats
        self.draining = False
        self.waiting = 0
        self._connections: set[ClientConnection] = set()
        self._server: asyncio.Server | None = None

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

    async def listen(self, host: str, port: int) -> int:
        """Accept calls; the port, which the system chooses for 0. SO_REUSEPORT: several workers share one port."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.setblocking(False)
        listener.bind((host, port))
        loop = asyncio.get_running_loop()
        # A protocol by its methods: asyncio's class adds nothing to them but a cost for each connection.
        accept = cast(Callable[[], asyncio.Protocol], lambda: ClientConnection(self))
        self._server = await loop.create_server(accept, sock=listener, backlog=4096)
        return int(listener.getsockname()[1])

    def sweep(self) -> None:
        """End connections that take too long."""
        now = time.monotonic()
        for connection in list(self._connections):
            connection.sweep(now)

    async def drain(self, seconds: float) -> None:
        """Stop accepting, let calls under way finish, cut off what is left after `seconds`."""
        self.draining = True
        if self._server is not None:
            self._server.close()
        deadline = time.monotonic() + seconds
        while self._connections and time.monotonic() < deadline:
            self.sweep()
            await asyncio.sleep(0.02)
        for connection in list(self._connections):
            connection.abort()
        # The loop tells the protocols in its next round; only then are their calls recorded.
        await asyncio.sleep(0.05)
