"""Kept connections to upstreams, and the sweep that finds silent ones."""

import asyncio
import ssl
import time
from collections.abc import Callable, Coroutine
from typing import Any, cast

from gateway.adapters.upstream_http import UpstreamConnection
from gateway.domain.route import Upstream
from gateway.ports import ResponseSink

MAX_IDLE = 256
CONNECT_SECONDS = 5.0


class UpstreamPool:
    """Kept connections by address, and calls under way for the sweep that finds silent upstreams."""

    def __init__(self, spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self._spawn = spawn
        self._idle: dict[tuple[bool, str, int], list[UpstreamConnection]] = {}
        self._busy: set[UpstreamConnection] = set()
        self._tls = ssl.create_default_context()

    def send(self, upstream: Upstream, data: bytes, sink: ResponseSink, repeatable: bool) -> UpstreamConnection:
        """Send a request over a kept connection, or a new one."""
        idle = self._idle.get((upstream.tls, upstream.host, upstream.port))
        if idle:
            connection = idle.pop()
            connection.upstream = upstream
            self._busy.add(connection)
            connection.start(data, sink, repeatable)
            return connection
        return self._send_anew(upstream, data, sink, repeatable)

    def _send_anew(self, upstream: Upstream, data: bytes, sink: ResponseSink, repeatable: bool) -> UpstreamConnection:
        connection = UpstreamConnection(self, upstream)
        self._busy.add(connection)
        connection.start(data, sink, repeatable)
        self._spawn(self._connect(connection))
        return connection

    def repeat(self, upstream: Upstream, data: bytes, sink: ResponseSink) -> None:
        """The same request once more, on a connection that has not served a call: it cannot be stale again."""
        sink.on_repeated(self._send_anew(upstream, data, sink, False))

    async def _connect(self, connection: UpstreamConnection) -> None:
        upstream = connection.upstream
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.get_running_loop().create_connection(
                    lambda: cast(asyncio.Protocol, connection),
                    upstream.host,
                    upstream.port,
                    ssl=self._tls if upstream.tls else None,
                    server_hostname=upstream.host if upstream.tls else None,
                )
        except (OSError, TimeoutError, ssl.SSLError):
            connection.connect_failed()

    def give_back(self, connection: UpstreamConnection) -> None:
        """The call is over and the connection is clean."""
        self._busy.discard(connection)
        upstream = connection.upstream
        idle = self._idle.setdefault((upstream.tls, upstream.host, upstream.port), [])
        if len(idle) < MAX_IDLE:
            idle.append(connection)
        else:
            connection.close_idle()

    def forget(self, connection: UpstreamConnection) -> None:
        """The connection is gone."""
        self._busy.discard(connection)
        upstream = connection.upstream
        idle = self._idle.get((upstream.tls, upstream.host, upstream.port))
        if idle and connection in idle:
            idle.remove(connection)

    def sweep(self) -> None:
        """Fail calls whose upstream is silent, close what nobody has used for long."""
        now = time.monotonic()
        for connection in list(self._busy):
            if now - connection.heard_at > connection.upstream.timeout_seconds:
                connection.on_timeout()
        for idle in list(self._idle.values()):
            for connection in [one for one in idle if one.is_idle_too_long(now)]:
                connection.close_idle()

    def close(self) -> None:
        """Close kept connections."""
        for idle in list(self._idle.values()):
            for connection in list(idle):
                connection.close_idle()
