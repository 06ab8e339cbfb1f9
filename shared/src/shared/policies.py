"""What a provider may attach to an API or to some of its operations: each policy's settings, checks and effect.

A policy is one class here and nothing elsewhere: its fields and their bounds are the JSON Schema that the REST API
shows and checks by, its methods are what the gateway does. All is pure. Applied by `order`, whatever the order of
attachment; each kind at most once for an operation, and one attached to operations goes before one for the whole API.
"""

import ipaddress
import re
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias
from urllib.parse import quote

import msgspec
from msgspec import Meta

from shared.policy_kind import (
    RESERVED,
    Header,
    HeaderName,
    PolicyCall,
    PolicyKind,
    is_line,
    lines_of,
    without,
)

Origin: TypeAlias = Annotated[str, Meta(pattern=r"^(\*|https?://[a-z0-9.\-\[\]:]+)$", max_length=300)]


class _HeaderChange(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    set: Annotated[tuple[Header, ...], Meta(max_length=50)] = ()  # replaces what is there
    add: Annotated[tuple[Header, ...], Meta(max_length=50)] = ()
    remove: Annotated[tuple[HeaderName, ...], Meta(max_length=50)] = ()

    def fault(self) -> str:
        """Framing, credentials and the gateway's own headers are not for policies."""
        names = [*(one.name for one in (*self.set, *self.add)), *self.remove]
        wrong = [name for name in names if name.lower() in RESERVED or name.lower().startswith("x-tollway-")]
        return f"the gateway's own header: {', '.join(wrong)}" if wrong else ""

    def changed(self, lines: Sequence[bytes]) -> list[bytes]:
        """Removed, then set, then added."""
        kept = without(lines, [*self.remove, *(one.name for one in self.set)])
        return [*kept, *lines_of(self.set), *lines_of(self.add)]


class Cors(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pages of these origins may call; preflights are answered by the gateway. `*`: all origins."""

    name: ClassVar[str] = "cors"
    order: ClassVar[int] = 0
    example: ClassVar[dict[str, Any]] = {"allow_origins": ["https://app.example.com"]}
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
    example: ClassVar[dict[str, Any]] = {"allow": ["192.0.2.0/24", "2001:db8::/32"], "deny": ["192.0.2.66/32"]}
    allow: Annotated[tuple[str, ...], Meta(max_length=200)] = ()
    deny: Annotated[tuple[str, ...], Meta(max_length=200)] = ()

    def fault(self) -> str:
        """Each entry has to be a network or an address."""
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
        address = getattr(address, "ipv4_mapped", None) or address
        if any(address in ipaddress.ip_network(network) for network in self.deny):
            return "client-address-refused"
        if self.allow and not any(address in ipaddress.ip_network(network) for network in self.allow):
            return "client-address-refused"
        return ""


class RequestSize(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bodies of at most this many bytes; a body without Content-Length is refused."""

    name: ClassVar[str] = "request-size"
    order: ClassVar[int] = 20
    example: ClassVar[dict[str, Any]] = {"max_bytes": 65_536}
    max_bytes: Annotated[int, Meta(ge=0, le=1 << 40)]

    def refuse(self, call: PolicyCall) -> str:
        """413 `payload-too-large`; 411 `length-required`."""
        if call.length < 0 and any(is_line(line, b"transfer-encoding") for line in call.lines):
            return "length-required"
        return "payload-too-large" if call.length > self.max_bytes else ""


class RequiredScopes(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The credential must have all of these scopes."""

    name: ClassVar[str] = "required-scopes"
    order: ClassVar[int] = 30
    example: ClassVar[dict[str, Any]] = {"scopes": ["orders:write"]}
    scopes: Annotated[tuple[Annotated[str, Meta(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")], ...], Meta(min_length=1)]

    def refuse(self, call: PolicyCall) -> str:
        """403 `insufficient-scope`."""
        return "" if call.scopes.issuperset(self.scopes) else "insufficient-scope"


class PathRewrite(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Replace the beginning of the path (below the upstream's address) by another."""

    name: ClassVar[str] = "path-rewrite"
    order: ClassVar[int] = 40
    example: ClassVar[dict[str, Any]] = {"prefix": "/v1", "replacement": "/api/2026-11"}
    prefix: Annotated[str, Meta(pattern=r"^/[A-Za-z0-9._~/\-]*$", max_length=500)]
    replacement: Annotated[str, Meta(pattern=r"^(/[A-Za-z0-9._~\-]+)*/?$", max_length=500)] = ""

    def fault(self) -> str:
        """No `.` or `..` segments: a path must not climb."""
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
    example: ClassVar[dict[str, Any]] = {"set": {"client": "tollway"}, "remove": ["debug"]}
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
    example: ClassVar[dict[str, Any]] = {"set": [{"name": "X-Backend-Key", "value": "k-123"}], "remove": ["Cookie"]}

    def shape(self, call: PolicyCall) -> None:
        """Change the request."""
        call.lines[:] = self.changed(call.lines)


class ConsumerIdentity(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tell the upstream who calls: in `X-Tollway-*` headers, or for `jwt` in `X-Tollway-Identity`, signed (ES256) for
    `audience`. What a caller sent under these names never passes."""

    name: ClassVar[str] = "consumer-identity"
    order: ClassVar[int] = 70
    example: ClassVar[dict[str, Any]] = {"form": "jwt", "audience": "https://orders.internal"}
    form: Literal["headers", "jwt"] = "headers"
    audience: Annotated[str, Meta(pattern=r"^[\x21-\x7e]*$", max_length=300)] = ""

    def fault(self) -> str:
        """`jwt` needs an `audience`: a token for everybody could be shown to others by the one who got it."""
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
    example: ClassVar[dict[str, Any]] = {"sampled": True}
    sampled: bool = False

    def shape(self, call: PolicyCall) -> None:
        """The caller's own trace goes on."""
        if not any(is_line(line, b"traceparent") for line in call.lines):
            flags = b"01" if self.sampled else b"00"
            call.lines.append(b"traceparent: 00-%b-%b-%b" % (call.request_id, call.request_id[16:], flags))


class MockResponse(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answer at the gateway, without the upstream. Recorded, of no units."""

    name: ClassVar[str] = "mock-response"
    order: ClassVar[int] = 90
    example: ClassVar[dict[str, Any]] = {"status": 503, "body": "Back at noon"}
    status: Annotated[int, Meta(ge=200, le=599)] = 200
    headers: Annotated[tuple[Header, ...], Meta(max_length=50)] = ()
    body: Annotated[str, Meta(max_length=100_000)] = ""

    def fault(self) -> str:
        """Headers that frame the answer are the gateway's."""
        wrong = [one.name for one in self.headers if one.name.lower() in RESERVED]
        return f"the gateway's own header: {', '.join(wrong)}" if wrong else ""

    def answer(self) -> bytes:
        """A whole response, as an upstream would send it before it closes."""
        body = self.body.encode()
        head = [b"HTTP/1.1 %d Mocked" % self.status, *lines_of(self.headers), b"Connection: close"]
        if self.status == 204:
            return b"\r\n".join([*head, b"", b""])
        return b"\r\n".join([*head, b"Content-Length: %d" % len(body), b"", body])


class ResponseCaching(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keep answers that say for how long (`max-age`, `s-maxage`, `Expires`) and give them again (RFC 9111): to the same
    consumer, or to all where they say `public` or `s-maxage`. Each is a call, and costs what the call costs."""

    name: ClassVar[str] = "response-cache"
    order: ClassVar[int] = 95
    example: ClassVar[dict[str, Any]] = {"max_seconds": 300, "max_bytes": 65_536}
    max_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 3_600  # at most that long, whatever the answer says
    max_bytes: Annotated[int, Meta(ge=0, le=10 << 20)] = 1 << 20  # of one answer's body


class UnitsFromHeader(PolicyKind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The upstream says in a response header how many units the call counts for; the caller does not see the header.
    Anything but a whole number leaves the operation's own units."""

    name: ClassVar[str] = "units-from-header"
    order: ClassVar[int] = 100
    example: ClassVar[dict[str, Any]] = {"header": "X-Tokens-Used", "max_units": 100_000}
    header: HeaderName = "X-Units"
    max_units: Annotated[int, Meta(ge=1, le=(1 << 32) - 1)] = 1_000_000

    def units(self, lines: Sequence[bytes]) -> int | None:
        """Of the first such line."""
        name = self.header.lower().encode()
        for line in lines:
            if is_line(line, name):
                value = line[len(name) + 1 :].strip()
                return min(int(value), self.max_units) if re.fullmatch(rb"[0-9]{1,12}", value) else None
        return None

    def shape_response(self, lines: Sequence[bytes]) -> Sequence[bytes]:
        """Remove it."""
        return without(lines, [self.header])


class ResponseHeaders(_HeaderChange, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Set, add or remove headers of the upstream's response."""

    name: ClassVar[str] = "response-headers"
    order: ClassVar[int] = 110
    example: ClassVar[dict[str, Any]] = {"remove": ["Server", "X-Powered-By"]}

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
