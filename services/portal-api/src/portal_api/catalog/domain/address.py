"""Which addresses users may make us call: public ones, and those that the operator allows.

Contracts and upstreams are named by users and called from inside our network. Without this rule a user could read
what only the inside can reach: the operations ports, a cloud's metadata service, a neighbour's database.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address

# Metadata services of clouds that are not covered by the classes of addresses below.
_METADATA = frozenset(("100.100.100.200", "168.63.129.16", "fd00:ec2::254"))
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads."""

    host: str
    port: int


def parse_target(url: str) -> Target | str:
    """The target of an http(s) URL, or why it is none, as a sentence."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "This is not a URL."
    if parts.scheme not in _DEFAULT_PORTS:
        return "A URL begins with http:// or https://."
    if not parts.hostname:
        return "The URL names no host."
    if parts.username is not None or parts.password is not None:
        return "A URL with a user name or password in it is not accepted."
    if any(c.isspace() or ord(c) < 32 for c in url):
        return "A URL has no spaces in it."
    return Target(parts.hostname, port or _DEFAULT_PORTS[parts.scheme])


def parse_allowed(text: str) -> frozenset[tuple[str, int]]:
    """`127.0.0.1:8500, upstream.internal:80` -> what the operator allows. Raises ValueError for anything else."""
    allowed = set()
    for entry in filter(None, (part.strip() for part in text.split(","))):
        host, separator, port = entry.rpartition(":")
        if not separator or not host or not port.isdigit():
            raise ValueError(f"`{entry}` is not host:port")
        allowed.add((host.strip("[]").lower(), int(port)))
    return frozenset(allowed)


def is_reachable(target: Target, resolved: str, allowed: frozenset[tuple[str, int]]) -> bool:
    """Whether we may connect to `resolved`, an address that `target`'s host has now."""
    if (target.host.lower(), target.port) in allowed or (resolved, target.port) in allowed:
        return True
    address = ip_address(resolved.partition("%")[0])
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
