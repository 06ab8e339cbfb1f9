"""Kept connections to upstreams, the sweep that finds silent ones, and other targets for calls that failed."""

import asyncio
import contextlib
import functools
import ssl
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import structlog

from gateway import metrics
from gateway.adapters.address_guard import AddressGuard
from gateway.adapters.response_recorder import ResponseRecorder
from gateway.adapters.sockets import Sockets
from gateway.adapters.upstream_http import BUSY, UNREACHABLE, UpstreamConnection
from gateway.adapters.upstream_lane import KeptConnection, Lane, Pool
from gateway.adapters.upstream_probe import is_healthy
from gateway.domain.response_cache import Recording
from gateway.domain.upstream import Address, Upstream
from gateway.domain.upstream_group import UpstreamGroup
from gateway.ports import Exchange, ResponseSink

log = structlog.get_logger()

MAX_IDLE = 256


@functools.lru_cache(maxsize=256)
def tls_context(ca_pem: str) -> ssl.SSLContext:
    """Verifies the upstream's certificate and name, by the system's authorities or those of the deployment."""
    return ssl.create_default_context(cadata=ca_pem or None)


class UpstreamPool(Pool):
    """Kept connections by address."""

    def __init__(
        self, spawn: Callable[[Coroutine[Any, Any, None]], object], guard: AddressGuard, sockets: Sockets
    ) -> None:
        super().__init__()
        self._sockets = sockets
        self._spawn = spawn
        self._guard = guard
        self._lanes: dict[Address, Lane] = {}

    def send(self, upstream: Upstream, data: bytes, sink: ResponseSink, repeatable: bool) -> Exchange:
        """Send a request over a kept connection, or a new one."""
        if upstream.group is not None and upstream.group.is_open(upstream, time.monotonic_ns()):
            return self._refused(upstream, sink, UNREACHABLE)
        if upstream.mock is not None:
            if isinstance(upstream.mock, Recording):
                return self.send(upstream.plain, data, ResponseRecorder(sink, upstream.mock), repeatable)
            mocked = UpstreamConnection(self, upstream, Lane())
            mocked.mock(sink, upstream.mock.answer())
            return mocked
        lane = upstream.lane if isinstance(upstream.lane, Lane) else self._lane(upstream)
        if upstream.max_connections and lane.busy >= upstream.max_connections:
            return self._refused(upstream, sink, BUSY)
        if lane.idle:
            connection = lane.idle.pop()
            connection.upstream = upstream
            lane.busy += 1
            connection.start(data, sink, repeatable)
            return connection
        return self._send_anew(upstream, data, sink, repeatable)

    def _lane(self, upstream: Upstream) -> Lane:
        """Upstreams of many APIs may lead to one address."""
        lane = self._lanes.setdefault(upstream.address, Lane())
        upstream.lane = lane
        return lane

    def _refused(self, upstream: Upstream, sink: ResponseSink, problem_name: str) -> UpstreamConnection:
        """An exchange that fails in the loop's next round: the caller does not have it yet."""
        connection = UpstreamConnection(self, upstream, Lane())
        connection.refuse(sink, problem_name)
        return connection

    def _send_anew(self, upstream: Upstream, data: bytes, sink: ResponseSink, repeatable: bool) -> UpstreamConnection:
        lane = self._lane(upstream)
        connection = UpstreamConnection(self, upstream, lane)
        lane.connections.add(connection)
        lane.busy += 1
        connection.start(data, sink, repeatable)
        self._spawn(self._connect(connection))
        return connection

    def repeat(self, upstream: Upstream, data: bytes, sink: ResponseSink) -> None:
        """The same request once more, on a connection that has not served a call: it cannot be stale again."""
        sink.on_repeated(self._send_anew(upstream, data, sink, False))

    def try_elsewhere(self, failed: Upstream, data: bytes, sink: ResponseSink, tries: int, repeatable: bool) -> bool:
        """Send a request that certainly had no effect to another target; False: there is none to be had."""
        group = failed.group
        if group is None or tries > group.settings.retries:
            return False
        other = group.retry(failed, time.monotonic_ns())
        if other is None:
            return False
        metrics.UPSTREAM_RETRIES.inc()
        connection = self._send_anew(other, readdressed(data, failed, other), sink, repeatable)
        connection.tries = tries + 1
        sink.on_repeated(connection)
        return True

    def answered(self, upstream: Upstream, status: int) -> None:
        """A response's head came; a target that says 502 to 504 is as good as away."""
        if upstream.group is None:
            return
        if status in (502, 503, 504):
            self.failed(upstream)
        else:
            upstream.group.succeeded(upstream)

    def failed(self, upstream: Upstream) -> None:
        """A target did not answer as it should."""
        if upstream.group is not None and upstream.group.failed(upstream, time.monotonic_ns()):
            metrics.UPSTREAM_EJECTIONS.inc()
            log.warning("an upstream's target gets no calls for now", host=upstream.host, port=upstream.port)

    async def _connect(self, connection: UpstreamConnection) -> None:
        upstream = connection.upstream
        try:
            async with asyncio.timeout(upstream.connect_seconds):
                addresses = await self._guard.resolve(upstream.host, upstream.port)
                for address in addresses[:-1]:
                    with contextlib.suppress(OSError):
                        await self._connect_to(address, connection)
                        return
                await self._connect_to(addresses[-1], connection)
        except (OSError, TimeoutError, ssl.SSLError):
            connection.connect_failed()

    async def _connect_to(self, address: str, connection: UpstreamConnection) -> None:
        """To a checked address: whatever its name means by now."""
        upstream = connection.upstream
        await self._sockets.connect(
            address,
            upstream.port,
            connection,
            tls_context(upstream.tls_ca_pem) if upstream.tls else None,
            upstream.tls_server_name or upstream.host,
        )

    @property
    def busy_count(self) -> int:
        """Connections with a call, those that are being made included."""
        return sum(lane.busy for lane in self._lanes.values())

    def give_back(self, connection: KeptConnection) -> None:
        """The call is over and the connection is clean."""
        lane = connection.lane
        lane.busy -= 1
        if len(lane.idle) < MAX_IDLE:
            lane.idle.append(connection)
        else:
            lane.busy += 1
            connection.close_idle()

    def forget(self, connection: KeptConnection) -> None:
        """The connection is gone."""
        lane = connection.lane
        if connection not in lane.connections:
            return
        lane.connections.discard(connection)
        if connection in lane.idle:
            lane.idle.remove(connection)
        else:
            lane.busy -= 1

    def sweep(self) -> None:
        """Fail calls whose upstream is silent or too slow, close what nobody has used for long."""
        now = time.monotonic()
        for lane in list(self._lanes.values()):
            for connection in list(lane.connections):
                if connection.is_late(now):
                    connection.on_timeout()
                elif connection.is_idle_too_long(now):
                    connection.close_idle()

    def probe(self, groups: Iterable[UpstreamGroup[Upstream]]) -> None:
        """Ask targets for their health where it is time to."""
        now_ns = time.monotonic_ns()
        for group in groups:
            for target in group.due_probes(now_ns):
                self._spawn(self._probe(group, target))

    async def _probe(self, group: UpstreamGroup[Upstream], target: Upstream) -> None:
        context = tls_context(target.tls_ca_pem) if target.tls else None
        if await is_healthy(target, group.settings.health_path, context, self._guard):
            group.succeeded(target)
        else:
            self.failed(target)

    def close(self) -> None:
        """Close kept connections."""
        for lane in self._lanes.values():
            for connection in list(lane.idle):
                connection.close_idle()


def readdressed(data: bytes, before: Upstream, after: Upstream) -> bytes:
    """The request for another target: its path and its Host stand in the first two lines."""
    line, _, rest = data.partition(b"\r\n")
    _, _, rest = rest.partition(b"\r\n")
    method, path, version = line.split(b" ")
    path = after.base_path + path[len(before.base_path) :]
    return b"%b %b %b\r\nHost: %b\r\n%b" % (method, path, version, after.authority, rest)
