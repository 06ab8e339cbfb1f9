"""The gateway's proxy in this process, on tables filled by hand and a real log, and a client that speaks raw bytes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from tests.service.gateway import builders
from tests.service.gateway.scripted_upstream import ScriptedUpstream

from gateway.adapters.access_token import AccessTokens
from gateway.adapters.address_guard import AddressGuard
from gateway.adapters.identity_signer import IdentitySigner
from gateway.adapters.refusal_counts import RefusalCounts
from gateway.adapters.sockets import Sockets
from gateway.adapters.stream_files import StreamFiles
from gateway.adapters.tables import GatewayTables
from gateway.adapters.upstream_pool import UpstreamPool
from gateway.adapters.write_ahead_log import WriteAheadLog
from gateway.domain.cross_origin import rule_for_pages
from gateway.domain.forwarded import TrustedProxies
from gateway.domain.response_cache import ResponseCache
from gateway.entrypoints.answers import Answers
from gateway.entrypoints.proxy import ProxyServer
from gateway.metrics import CallStats
from gateway.use_cases import CallGate
from shared.addresses import parse_allowed
from shared.clock import SystemClock, real_seconds
from shared.events.call_record import CALL
from shared.events.envelope import State, encode
from shared.events.subscriptions import access_key

HEAD_END = b"\r\n\r\n"


class Harness:
    """What a test of the proxy needs."""

    def __init__(
        self,
        directory: Path,
        *,
        max_body_bytes: int = 20 << 20,
        wal_max_bytes: int = 1 << 24,
        trusted_proxies: Sequence[str] = (),
        identity: IdentitySigner | None = None,
        allowed_addresses: str = "127.0.0.0/8,::1/128",
    ) -> None:
        clock = SystemClock()
        self.key = builders.SigningKey()
        tokens = AccessTokens(builders.ISSUER)
        self.tables = GatewayTables(tokens)
        self.tables.is_fresh = True
        files = StreamFiles.create(directory, partitions=8, segment_records=1000, open_slots=64)
        self.log = WriteAheadLog(files, clock, max_bytes=wal_max_bytes)
        self.refusals = RefusalCounts(clock)
        self.upstream = ScriptedUpstream()
        self.guard = AddressGuard(parse_allowed(allowed_addresses))
        sockets = Sockets()
        self.pool = UpstreamPool(asyncio.get_running_loop().create_task, self.guard, sockets)
        self.cache = ResponseCache(1 << 20, real_seconds)
        gate = CallGate(
            self.tables,
            tokens,
            self.log,
            self.refusals,
            clock,
            max_body_bytes=max_body_bytes,
            pages=rule_for_pages(["http://portal.test/"]),
            identity=identity,
            cache=self.cache,
        )
        proxies = TrustedProxies(trusted_proxies) if trusted_proxies else None
        self.server = ProxyServer(gate, self.pool, Answers("http://portal.test"), CallStats(), sockets, proxies)
        self.port = 0

    def put_access(self, entry: object, version: int = 1) -> None:
        state = builders.access(entry, version=version)  # type: ignore[arg-type]
        self.tables.apply_access(access_key("app_1", "api_1"), encode(state))

    def put_api(self, state: State) -> None:
        self.tables.apply_api(state.api_id, encode(state))  # type: ignore[attr-defined]

    async def start(self) -> None:
        await self.upstream.start()
        self.put_api(builders.api(f"http://127.0.0.1:{self.upstream.port}/base"))
        for credential in (
            builders.client(),
            builders.api_key(),
            builders.api_key(key="sandbox", environment="sandbox"),
        ):
            self.tables.apply_credential(credential.credential_id, encode(credential))
        self.tables.apply_signing_key(self.key.kid, encode(self.key.state()))
        self.put_access(builders.allowed())
        self.port = await self.server.listen("127.0.0.1", 0)

    def records(self) -> list[tuple[int, ...]]:
        """Every record in the log, unpacked."""
        count = self.log.end - 1 - self.log.acknowledged
        data = self.log.read(self.log.acknowledged + 1, count) if count else b""
        return list(CALL.iter_unpack(data))

    async def exchange(
        self, *pieces: bytes, quiet: float = 0.15, pause: float = 0.01, half_close: bool = False
    ) -> tuple[bytes, bool]:
        """Send pieces, read until nothing comes any more; what came and whether the gateway closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        received, closed = b"", False
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                if len(pieces) > 1:
                    await asyncio.sleep(pause)
            if half_close:
                writer.write_eof()
            received, closed = await read_until_quiet(reader, quiet)
        except ConnectionError:
            closed = True
        finally:
            writer.close()
        return received, closed


async def read_until_quiet(reader: asyncio.StreamReader, quiet: float) -> tuple[bytes, bool]:
    received = b""
    try:
        while True:
            # A loaded machine may take its time for the first byte.
            async with asyncio.timeout(quiet if received else 5):
                data = await reader.read(1 << 16)
            if not data:
                return received, True
            received += data
    except TimeoutError:
        return received, False
    except ConnectionError:
        return received, True


@contextlib.asynccontextmanager
async def running(directory: Path, **options: Any) -> AsyncIterator[Harness]:
    harness = Harness(directory, **options)
    await harness.start()
    try:
        yield harness
    finally:
        await harness.server.drain(0.5)
        harness.pool.close()
        await harness.upstream.stop()
        harness.log.close()


def request(
    path: bytes = b"/books/echo",
    headers: bytes = b"",
    *,
    method: bytes = b"GET",
    version: bytes = b"HTTP/1.1",
    credential: bytes = b"X-API-Key: " + builders.API_KEY.encode() + b"\r\n",
    body: bytes = b"",
    prefix: bytes = b"/acme/reading/v1",
) -> bytes:
    """A raw request; the body as it is, its framing in `headers`."""
    return b"%b %b%b %b\r\nHost: gateway.test\r\n%b%b\r\n%b" % (
        method,
        prefix,
        path,
        version,
        credential,
        headers,
        body,
    )


def status(answer: bytes) -> int:
    return int(answer[9:12] or b"0")
