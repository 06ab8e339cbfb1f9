"""Who called, when a load balancer stands before the gateway: told by its headers, believed only from its networks."""

import functools
import ipaddress
import re
from collections.abc import Iterable

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SAID = re.compile(rb"\r\nx-forwarded-(proto|host):([^\r\n]*)", re.IGNORECASE)
_HOST = re.compile(rb"[A-Za-z0-9._\-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?").fullmatch
# Some balancers add the port of the connection.
_WITH_PORT = re.compile(r"([0-9.]+):[0-9]{1,5}|\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?").fullmatch
_MAX_HOPS = 50


class TrustedProxies:
    """Networks whose `X-Forwarded-*` headers are believed. Raises ValueError for one that is none."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: tuple[_Network, ...] = tuple(ipaddress.ip_network(network) for network in networks)
        # The same callers come again and again over the same balancer.
        self.callers = functools.lru_cache(maxsize=10_000)(self._callers)

    def trusts(self, address: bytes) -> bool:
        """Whether a connection from `address` is a trusted proxy's."""
        read = _read(address.decode("latin-1"))
        return read is not None and self._has(read)

    def _has(self, address: _Address) -> bool:
        return any(address in network for network in self._networks)

    def _callers(self, forwarded_for: bytes, peer: bytes) -> tuple[bytes, bytes]:
        """The caller's address, and the chain from there on as the upstream is told it.

        From the right, over trusted addresses, to the first that is not: whatever stands left of it was sent by the
        caller and is worth nothing. A value that is no address ends the way too: the last hop known is the caller.
        """
        chain = [peer]
        for said in reversed(forwarded_for.split(b",")[-_MAX_HOPS:]):
            address = _read(said.strip(b" \t").decode("latin-1"))
            if address is None:
                break
            chain.append(str(address).encode())
            if not self._has(address):
                break
        return chain[-1], b", ".join(reversed(chain))


def said_of(raw: bytes) -> tuple[bytes, bytes]:
    """Scheme and host by a trusted proxy's head, each empty where it says none or nothing sensible.

    Of several values the last counts: the nearest proxy wrote it.
    """
    scheme = host = b""
    for name, value in _SAID.findall(raw):
        last = value.rpartition(b",")[2].strip(b" \t")
        if name.lower() == b"proto":
            scheme = last.lower() if last.lower() in (b"http", b"https") else b""
        else:
            host = last if _HOST(last) else b""
    return scheme, host


def _read(text: str) -> _Address | None:
    """An address with or without a port; IPv4 in IPv6's clothes is IPv4. None: it is none."""
    found = _WITH_PORT(text)
    try:
        address = ipaddress.ip_address((found[1] or found[2]) if found else text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return None
        return address.ipv4_mapped or address
    return address
