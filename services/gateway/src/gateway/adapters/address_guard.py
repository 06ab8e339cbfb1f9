"""Where connections to upstreams may go: names are resolved here, checked, and connected to as they were checked.

An upstream's address was public when it was saved; what its name means is its owner's to change at any time.
"""

import asyncio
import socket

import structlog

from gateway import metrics
from shared.addresses import Allowed, Target, is_reachable

log = structlog.get_logger()

MAX_TOLD = 1_000


class AddressRefused(OSError):
    """An upstream's name leads to an address that is not public and not allowed."""


class AddressGuard:
    """Asked once for each connection, never for a call over a kept one."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        self._told: set[Target] = set()

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses to try, in order. If one of a name's addresses is refused, the whole name is.

        Raises AddressRefused, and OSError for a name that is not known.
        """
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError as error:
            raise socket.gaierror(f"cannot resolve {host}") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        target = Target(host, port)
        if not all(is_reachable(target, address, self._allowed) for address in addresses):
            self._tell(target, addresses)
            raise AddressRefused(f"{host}:{port}")
        return addresses

    def _tell(self, target: Target, addresses: list[str]) -> None:
        metrics.ADDRESSES_REFUSED.inc()
        if target not in self._told and len(self._told) < MAX_TOLD:
            self._told.add(target)
            log.warning("an upstream is not at a public address", host=target.host, port=target.port, found=addresses)
