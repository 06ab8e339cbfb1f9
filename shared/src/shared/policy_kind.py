"""What policies are made of: the base of their classes, the call as they see it, and header lines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeAlias

import msgspec
from msgspec import Meta

_TOKEN = r"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$"
HeaderName: TypeAlias = Annotated[str, Meta(pattern=_TOKEN, max_length=100)]
HeaderValue: TypeAlias = Annotated[str, Meta(pattern=r"^[\x20-\x7e]*$", max_length=2000)]
# What frames a message, says who called, or is the gateway's own to say.
RESERVED = frozenset((
    "host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer", "expect",
    "authorization", "proxy-authorization", "x-api-key", "x-request-id", "x-client-request-id", "x-forwarded-for",
    "x-forwarded-proto", "x-forwarded-host",
))  # fmt: skip


@dataclass(slots=True)
class PolicyCall:
    """A call as policies see it, and change it. `lines`: its header lines; `rest`: path and query for the upstream."""

    method: bytes
    rest: bytes
    lines: list[bytes]
    address: str
    length: int
    scopes: frozenset[str]
    request_id: bytes = b""
    application: int = 0
    subscription: int = 0
    plan_version: int = 0
    organization_id: str = ""
    environment: str = "production"
    # Makes a signed token of claims; None where the operator gave the gateway no key.
    sign: Callable[[tuple[tuple[str, str | int], ...]], bytes] | None = None


class PolicyKind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base: does nothing. `refuse` answers a problem type's name."""

    name: ClassVar[str] = ""
    order: ClassVar[int] = 0
    example: ClassVar[dict[str, Any]] = {}

    def __post_init__(self) -> None:
        fault = self.fault()
        if fault:
            raise ValueError(fault)

    def fault(self) -> str:
        """What the schema cannot say about wrong settings."""
        return ""

    def refuse(self, call: PolicyCall) -> str:
        """Why the call may not go on; empty when it may."""
        return ""

    def shape(self, call: PolicyCall) -> None:
        """Change the request."""

    def shape_response(self, lines: Sequence[bytes]) -> Sequence[bytes]:
        """Change the response's header lines."""
        return lines

    def units(self, lines: Sequence[bytes]) -> int | None:
        """What the call counts for, if the response says so."""
        return None


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A header line."""

    name: HeaderName
    value: HeaderValue


def is_line(line: bytes, name: bytes) -> bool:
    """Whether it is one of the header `name`, which is in lower case."""
    return line[: len(name)].lower() == name and line[len(name) : len(name) + 1] == b":"


def without(lines: Sequence[bytes], names: Sequence[str]) -> list[bytes]:
    """All but those of these headers."""
    lower = [name.lower().encode() for name in names]
    return [line for line in lines if not any(is_line(line, name) for name in lower)]


def lines_of(headers: Sequence[Header]) -> list[bytes]:
    """As they stand in a head."""
    return [f"{header.name}: {header.value}".encode("ascii") for header in headers]
