"""Which addresses users may make us call: public ones, and those that the operator allows.

Contracts and upstreams are named by users and called from inside our network. Without this rule a user could read
what only the inside can reach: the operations ports, a cloud's metadata service, a neighbour's database.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address
# Host and port; a network in CIDR form with port 0: every port there.
Allowed = frozenset[tuple[str, int]]

# Metadata services of clouds that are not covered by the classes of addresses below.
_METADATA = frozenset(("100.100.100.200", "168.63.129.16", "fd00:ec2::254"))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads."""

    host: str
    port: int


def parse_allowed(text: str) -> Allowed:
    """`127.0.0.1:8500, upstream.internal:80, 10.2.0.0/16` -> what the operator allows. Raises ValueError otherwise."""
    allowed = set()
    for entry in filter(None, (part.strip() for part in text.split(","))):
        if "/" in entry:
            allowed.add((str(ip_network(entry)), 0))
            continue
        host, separator, port = entry.rpartition(":")
        if not separator or not host or not port.isdigit():
            raise ValueError(f"`{entry}` is not host:port")
        allowed.add((host.strip("[]").lower(), int(port)))
    return frozenset(allowed)


def is_reachable(target: Target, resolved: str, allowed: Allowed) -> bool:
    """Whether we may connect to `resolved`, an address that `target`'s host has now."""
    if (target.host.lower(), target.port) in allowed or (resolved, target.port) in allowed:
        return True
    address = ip_address(resolved.partition("%")[0])
    if any(address in ip_network(network) for network, port in allowed if not port):
        return True
    return all(_is_public(one) for one in _all_meanings(address))


def _all_meanings(address: Address) -> list[Address]:
    """An IPv6 address may carry an IPv4 one (mapped, 6to4, NAT64, Teredo): each must be public."""
    meanings: list[Address] = [address]
    if isinstance(address, IPv6Address):
        meanings += [one for one in (address.ipv4_mapped, address.sixtofour) if one is not None]
        if address.teredo is not None:
            meanings += address.teredo
        if address.packed[:12] == bytes.fromhex("0064ff9b0000000000000000"):
            meanings.append(IPv4Address(address.packed[12:]))
        if address.ipv4_mapped is not None:
            meanings.remove(address)  # Python 3.13 calls a mapped address by what it carries, 3.11 does not
    return meanings


def _is_public(address: Address) -> bool:
    return address.is_global and not address.is_multicast and str(address) not in _METADATA
