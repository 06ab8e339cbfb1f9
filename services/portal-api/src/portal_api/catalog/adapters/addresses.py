"""The address rule at work: names are resolved here, and checked again whenever something is connected."""

import asyncio
import socket
from collections.abc import Iterable
from typing import Any

import httpcore2

from portal_api.catalog.domain.address import parse_target
from shared.addresses import Allowed, Target, is_reachable
from shared.errors import DomainError

RESOLVE_TIMEOUT_SECONDS = 3.0


class AddressRefused(OSError):
    """The address rule forbids this connection."""


class Addresses:
    """The port `AddressGuard`."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed

    async def check(self, url: str, field: str) -> None:
        """Raises DomainError where calls to `url` are refused."""
        target = parse_target(url)
        if isinstance(target, str):
            raise DomainError("url-invalid", 422, "The URL cannot be used", target, field)
        try:
            await self.reachable(target)
        except AddressRefused as error:
            raise address_refused(target, field) from error
        except OSError as error:
            detail = f"The host `{target.host}` is not known. Check the URL."
            raise DomainError("address-unknown", 422, "The address cannot be resolved", detail, field) from error

    async def reachable(self, target: Target) -> list[str]:
        """The addresses to connect to. If one of a name's addresses is forbidden, the whole name is."""
        resolved = await _resolve(target)
        if not all(is_reachable(target, address, self._allowed) for address in resolved):
            raise AddressRefused(f"{target.host}:{target.port}")
        return resolved


def address_refused(target: Target, field: str) -> DomainError:
    """What the user is told: nothing about what the inside looks like."""
    detail = (
        f"`{target.host}:{target.port}` is not a public address. Use a public one, or ask the operator to add it to "
        "TOLLWAY_ALLOWED_PRIVATE_ADDRESSES."
    )
    return DomainError("address-not-allowed", 422, "This address is not allowed", detail, field)


async def _resolve(target: Target) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_TIMEOUT_SECONDS):
            found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (TimeoutError, UnicodeError) as error:
        raise socket.gaierror(f"cannot resolve {target.host}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects only to addresses that were checked: what is checked is what is connected to, whatever DNS says next."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """As the inner backend, to a checked address."""
        try:
            resolved = await self._addresses.reachable(Target(host, port))
        except AddressRefused as error:
            raise AddressRefusedOnConnect(f"{host}:{port}") from error
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error
        return await self._inner.connect_tcp(resolved[0], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.AsyncNetworkStream:
        """Never."""
        raise AddressRefusedOnConnect(path)

    async def sleep(self, seconds: float) -> None:
        """For the connection pool's retries, of which there are none."""
        await asyncio.sleep(seconds)


class AddressRefusedOnConnect(Exception):
    """Not one of httpcore2's errors, so that it passes through them unchanged."""
