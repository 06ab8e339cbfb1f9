"""What a provider may attach to an API or to some of its operations: each policy's settings, checks and effect.

A policy is one class here and nothing elsewhere: its fields and their bounds are the JSON Schema that the REST API
shows and checks by, its methods are what the gateway does. All is pure. Order, whatever the order of attachment:

cors (before credentials), ip-filter, request-size, required-scopes, (rate limits), path-rewrite, query-parameters,
request-headers, consumer-identity, trace-context, mock-response, response-cache, (upstream), units-from-header,
response-headers.
Each kind at most once for an operation; one attached to operations goes before one for the whole API.
"""

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeAlias
from urllib.parse import quote

import msgspec
from msgspec import Meta

_TOKEN = r"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$"
HeaderName: TypeAlias = Annotated[str, Meta(pattern=_TOKEN, max_length=100)]
HeaderValue: TypeAlias = Annotated[str, Meta(pattern=r"^[\x20-\x7e]*$", max_length=2000)]
Origin: TypeAlias = Annotated[str, Meta(pattern=r"^(\*|https?://[a-z0-9.\-\[\]:]+)$", max_length=300)]
# What frames a message, says who called, or is the gateway's own to say.
_RESERVED = frozenset((
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


def _is(line: bytes, name: bytes) -> bool:
    return line[: len(name)].lower() == name and line[len(name) : len(name) + 1] == b":"


def _without(lines: Sequence[bytes], names: Sequence[str]) -> list[bytes]:
    lower = [name.lower().encode() for name in names]
    return [line for line in lines if not any(_is(line, name) for name in lower)]


def _lines(headers: Sequence[Header]) -> list[bytes]:
    return [f"{header.name}: {header.value}".encode("ascii") for header in headers]


class _HeaderChange(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    set: Annotated[tuple[Header, ...], Meta(max_length=50)] = ()  # replaces what is there
    add: Annotated[tuple[Header, ...], Meta(max_length=50)] = ()
    remove: Annotated[tuple[HeaderName, ...], Meta(max_length=50)] = ()

    def fault(self) -> str:
        """Framing, credentials and the gateway's own headers are not for policies."""
        names = [*(one.name for one in (*self.set, *self.add)), *self.remove]
        wrong = [name for name in names if name.lower() in _RESERVED or name.lower().startswith("x-tollway-")]
        return f"the gateway's own header: {', '.join(wrong)}" if wrong else ""

    def changed(self, lines: Sequence[bytes]) -> list[bytes]:
        """Removed, then set, then added."""
        kept = _without(lines, [*self.remove, *(one.name for one in self.set)])
        return [*kept, *_lines(self.set), *_lines(self.add)]


class Cors(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pages of these origins may call; preflights are answered by the gateway. `*`: all origins."""

    name: ClassVar[str] = "cors"
    order: ClassVar[int] = 0
    allow_origins: Annotated[tuple[Origin, ...], Meta(min_length=1, max_length=100)]
    allow_methods: tuple[Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"], ...] = ()
    allow_headers: tuple[HeaderName, ...] = ()
    expose_headers: tuple[HeaderName, ...] = ()
    allow_credentials: bool = False
    max_age_seconds: Annotated[int, Meta(ge=0, le=86_400)] = 600

    def fault(self) -> str:
        """Browsers take no wildcard together with credentials."""
        both = self.allow_credentials and "*" in self.allow_origins
        return "`allow_credentials` needs named origins, not `*`" if both else ""


class IpFilter(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Only callers from `allow` (empty: all), and none from `deny`. Networks in CIDR form, IPv4 or IPv6."""

    name: ClassVar[str] = "ip-filter"
    order: ClassVar[int] = 10
    allow: Annotated[tuple[str, ...], Meta(max_length=200)] = ()
    deny: Annotated[tuple[str, ...], Meta(max_length=200)] = ()

    def fault(self) -> str:
        """Networks that are none."""
        try:
            for network in (*self.allow, *self.deny):
                ipaddress.ip_network(network)
        except ValueError as error:
            return str(error)
        return ""

    def refuse(self, call: PolicyCall) -> str:
        """403 `client-address-refused`."""
        try:
            address = ipaddress.ip_address(call.address.partition("%")[0])
        except ValueError:
            return "client-address-refused"
        mapped = getattr(address, "ipv4_mapped", None)
        address = mapped or address
        if any(address in ipaddress.ip_network(network) for network in self.deny):
            return "client-address-refused"
        if self.allow and not any(address in ipaddress.ip_network(network) for network in self.allow):
            return "client-address-refused"
        return ""


class RequestSize(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bodies of at most this many bytes; a body without Content-Length is refused."""

    name: ClassVar[str] = "request-size"
    order: ClassVar[int] = 20
    max_bytes: Annotated[int, Meta(ge=0, le=1 << 40)]

    def refuse(self, call: PolicyCall) -> str:
        """413 `payload-too-large`; 411 `length-required`."""
        if call.length < 0 and any(_is(line, b"transfer-encoding") for line in call.lines):
            return "length-required"
        return "payload-too-large" if call.length > self.max_bytes else ""


class RequiredScopes(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The credential must have all of these scopes."""

    name: ClassVar[str] = "required-scopes"
    order: ClassVar[int] = 30
    scopes: Annotated[tuple[Annotated[str, Meta(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")], ...], Meta(min_length=1)]

    def refuse(self, call: PolicyCall) -> str:
        """403 `insufficient-scope`."""
        return "" if call.scopes.issuperset(self.scopes) else "insufficient-scope"


class PathRewrite(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Replace the beginning of the path (below the upstream's address) by another."""

    name: ClassVar[str] = "path-rewrite"
    order: ClassVar[int] = 40
    prefix: Annotated[str, Meta(pattern=r"^/[A-Za-z0-9._~/\-]*$", max_length=500)]
    replacement: Annotated[str, Meta(pattern=r"^(/[A-Za-z0-9._~\-]+)*/?$", max_length=500)] = ""

    def fault(self) -> str:
        """A path must not climb."""
        return "no `.` or `..` segments" if {".", ".."} & set(self.replacement.split("/")) else ""

    def shape(self, call: PolicyCall) -> None:
        """Whole segments only: /v1 is not the beginning of /v10."""
        path, question, query = call.rest.partition(b"?")
        prefix = self.prefix.rstrip("/").encode()
        if path == prefix or path.startswith(prefix + b"/"):
            path = self.replacement.rstrip("/").encode() + path[len(prefix) :]
            call.rest = (path or b"/") + question + query


class QueryParameters(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Set or remove query parameters; the others stay as they are, in their order."""

    name: ClassVar[str] = "query-parameters"
    order: ClassVar[int] = 50
    set: Annotated[dict[Annotated[str, Meta(min_length=1, max_length=100)], str], Meta(max_length=50)] = {}
    remove: Annotated[tuple[str, ...], Meta(max_length=50)] = ()

    def shape(self, call: PolicyCall) -> None:
        """Names are compared as they are written."""
        path, _, query = call.rest.partition(b"?")
        gone = {quote(name, safe="").encode() for name in (*self.set, *self.remove)}
        parts = [part for part in query.split(b"&") if part and part.partition(b"=")[0] not in gone]
        parts += [f"{quote(name, safe='')}={quote(value, safe='')}".encode() for name, value in self.set.items()]
        call.rest = path + (b"?" + b"&".join(parts) if parts else b"")


class RequestHeaders(_HeaderChange, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Set, add or remove headers of the request to the upstream."""

    name: ClassVar[str] = "request-headers"
    order: ClassVar[int] = 60

    def shape(self, call: PolicyCall) -> None:
        """Change the request."""
        call.lines[:] = self.changed(call.lines)


class ConsumerIdentity(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tell the upstream who calls: in `X-Tollway-*` headers, or for `jwt` in `X-Tollway-Identity`, signed (ES256) for
    `audience`. What a caller sent under these names never passes."""

    name: ClassVar[str] = "consumer-identity"
    order: ClassVar[int] = 70
    form: Literal["headers", "jwt"] = "headers"
    audience: Annotated[str, Meta(pattern=r"^[\x21-\x7e]*$", max_length=300)] = ""

    def fault(self) -> str:
        """A token for everybody could be shown to others by the one who got it."""
        return "`jwt` needs an `audience`" if self.form == "jwt" and not self.audience else ""

    def refuse(self, call: PolicyCall) -> str:
        """503 `identity-unavailable`: never an unsigned call where a signed one was wanted."""
        return "identity-unavailable" if self.form == "jwt" and call.sign is None else ""

    def shape(self, call: PolicyCall) -> None:
        """Numbers are those of call records."""
        if self.form == "jwt" and call.sign is not None:
            call.lines.append(b"X-Tollway-Identity: " + call.sign(self._claims(call)))
            return
        call.lines += [
            b"X-Tollway-Organization: " + call.organization_id.encode(),
            b"X-Tollway-Application: %d" % call.application,
            b"X-Tollway-Subscription: %d" % call.subscription,
            b"X-Tollway-Plan-Version: %d" % call.plan_version,
            b"X-Tollway-Environment: " + call.environment.encode(),
            b"X-Tollway-Scopes: " + " ".join(sorted(call.scopes)).encode(),
        ]

    def _claims(self, call: PolicyCall) -> tuple[tuple[str, str | int], ...]:
        """The same for every call of a subscription, so that one token serves many."""
        return (
            ("aud", self.audience),
            ("sub", str(call.application)),
            ("organization", call.organization_id),
            ("application", call.application),
            ("subscription", call.subscription),
            ("plan_version", call.plan_version),
            ("environment", call.environment),
            ("scope", " ".join(sorted(call.scopes))),
        )


class TraceContext(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Give calls without a `traceparent` one made of the request id (W3C Trace Context)."""

    name: ClassVar[str] = "trace-context"
    order: ClassVar[int] = 80
    sampled: bool = False

    def shape(self, call: PolicyCall) -> None:
        """The caller's own trace goes on."""
        if not any(_is(line, b"traceparent") for line in call.lines):
            flags = b"01" if self.sampled else b"00"
            call.lines.append(b"traceparent: 00-%b-%b-%b" % (call.request_id, call.request_id[16:], flags))


class MockResponse(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answer at the gateway, without the upstream. Recorded, of no units."""

    name: ClassVar[str] = "mock-response"
    order: ClassVar[int] = 90
    status: Annotated[int, Meta(ge=200, le=599)] = 200
    headers: Annotated[tuple[Header, ...], Meta(max_length=50)] = ()
    body: Annotated[str, Meta(max_length=100_000)] = ""

    def fault(self) -> str:
        """The frame is the gateway's."""
        wrong = [one.name for one in self.headers if one.name.lower() in _RESERVED]
        return f"the gateway's own header: {', '.join(wrong)}" if wrong else ""

    def answer(self) -> bytes:
        """A whole response, as an upstream would send it before it closes."""
        body = self.body.encode()
        head = [b"HTTP/1.1 %d Mocked" % self.status, *_lines(self.headers), b"Connection: close"]
        if self.status == 204:
            return b"\r\n".join([*head, b"", b""])
        return b"\r\n".join([*head, b"Content-Length: %d" % len(body), b"", body])


class ResponseCaching(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keep answers that say for how long (`max-age`, `s-maxage`, `Expires`) and give them again (RFC 9111): to the same
    consumer, or to all where they say `public` or `s-maxage`. Each is a call, and costs what the call costs."""

    name: ClassVar[str] = "response-cache"
    order: ClassVar[int] = 95
    max_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 3_600  # at most that long, whatever the answer says
    max_bytes: Annotated[int, Meta(ge=0, le=10 << 20)] = 1 << 20  # of one answer's body


class UnitsFromHeader(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The upstream says in a response header how many units the call counts for; the caller does not see the header."""

    name: ClassVar[str] = "units-from-header"
    order: ClassVar[int] = 100
    header: HeaderName = "X-Units"
    max_units: Annotated[int, Meta(ge=1, le=(1 << 32) - 1)] = 1_000_000

    def units(self, lines: Sequence[bytes]) -> int | None:
        """A whole number; anything else leaves the operation's own units."""
        name = self.header.lower().encode()
        for line in lines:
            if _is(line, name):
                value = line[len(name) + 1 :].strip()
                return min(int(value), self.max_units) if re.fullmatch(rb"[0-9]{1,12}", value) else None
        return None

    def shape_response(self, lines: Sequence[bytes]) -> Sequence[bytes]:
        """Remove it."""
        return _without(lines, [self.header])


class ResponseHeaders(_HeaderChange, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Set, add or remove headers of the upstream's response."""

    name: ClassVar[str] = "response-headers"
    order: ClassVar[int] = 110

    def shape_response(self, lines: Sequence[bytes]) -> Sequence[bytes]:
        """Change the response."""
        return self.changed(lines)


KINDS: dict[str, type[PolicyKind]] = {
    kind.name: kind
    for kind in sorted(
        (value for value in list(globals().values()) if isinstance(value, type) and issubclass(value, PolicyKind)),
        key=lambda kind: kind.order,
    )
    if kind.name
}


def read_policy(kind: str, config: dict[str, Any]) -> PolicyKind:
    """A policy from its settings. Raises ValueError, which says what is wrong with them."""
    found = KINDS.get(kind)
    if found is None:
        raise ValueError(f"there is no policy {kind!r}; there are: {', '.join(KINDS)}")
    return msgspec.convert(config, found)


def policy_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of a policy's settings."""
    return msgspec.json.schema(KINDS[kind])
