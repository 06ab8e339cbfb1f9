"""Ask a target for its health, on a connection of its own."""

import asyncio
import re
import ssl

from gateway.adapters.address_guard import AddressGuard
from gateway.domain.upstream import Upstream

PROBE_SECONDS = 3.0
_HEALTHY = re.compile(rb"HTTP/1\.[01] [23][0-9][0-9][ \r]").match


async def is_healthy(target: Upstream, path: str, context: ssl.SSLContext | None, guard: AddressGuard) -> bool:
    """Whether GET `path` (below the target's own path) is answered with a status below 400 within 3 seconds."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            addresses = await guard.resolve(target.host, target.port)
            reader, writer = await asyncio.open_connection(
                addresses[0],
                target.port,
                ssl=context,
                server_hostname=(target.tls_server_name or target.host) if context is not None else None,
            )
            try:
                writer.write(
                    b"GET %b%b HTTP/1.1\r\nHost: %b\r\nUser-Agent: tollway-health\r\nConnection: close\r\n\r\n"
                    % (target.base_path, path.encode(), target.authority)
                )
                return _HEALTHY(await reader.readuntil(b"\r\n")) is not None
            finally:
                writer.close()
    except (OSError, TimeoutError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return False
