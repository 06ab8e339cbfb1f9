"""A request's head: what is passed on, what is ours to read, and what makes it a hazard."""

from gateway.domain.framing import MAX_HEADERS, METHODS, content_length, target_problem
from gateway.domain.header_line import connection_options, without_named
from gateway.domain.octets import is_token, split_line
from gateway.domain.problems import HEAD_TOO_LARGE, MALFORMED, NOT_IMPLEMENTED, VERSION_NOT_SUPPORTED, Problem

_PASS, _DROP, _FAULT, _HOST, _AUTHORIZATION, _API_KEY, _LENGTH, _CODING = range(8)
_CONNECTION, _EXPECT, _REQUEST_ID, _FORWARDED, _UPGRADE, _ORIGIN = range(8, 14)

_SPECIAL = {
    b"host": _HOST,
    b"authorization": _AUTHORIZATION,
    b"x-api-key": _API_KEY,
    b"apikey": _API_KEY,
    b"content-length": _LENGTH,
    b"transfer-encoding": _CODING,
    b"connection": _CONNECTION,
    b"expect": _EXPECT,
    b"x-request-id": _REQUEST_ID,
    b"x-forwarded-for": _FORWARDED,
    b"upgrade": _UPGRADE,
    b"origin": _ORIGIN,
    # Ours to say, or meant for the next hop only.
    b"x-forwarded-proto": _DROP,
    b"x-forwarded-host": _DROP,
    b"x-client-request-id": _DROP,
    b"forwarded": _DROP,
    b"keep-alive": _DROP,
    b"proxy-connection": _DROP,
    b"proxy-authorization": _DROP,
    b"te": _DROP,
    b"trailer": _DROP,
    b"http2-settings": _DROP,
    # Who calls is said by the gateway alone, where a policy lets it.
    b"x-tollway-organization": _DROP,
    b"x-tollway-application": _DROP,
    b"x-tollway-subscription": _DROP,
    b"x-tollway-plan-version": _DROP,
    b"x-tollway-client": _DROP,
    b"x-tollway-environment": _DROP,
    b"x-tollway-scopes": _DROP,
    b"x-tollway-identity": _DROP,
}
_NO_OPTIONS: frozenset[bytes] = frozenset()
_STANDARD_OPTIONS = frozenset((b"close", b"keep-alive", b"upgrade", b""))

# Lines that clients send again and again are looked up whole, never what differs in every call.
_REPEATED = frozenset(
    b"authorization host user-agent accept accept-encoding accept-language content-type content-length connection"
    b" transfer-encoding cache-control pragma origin expect".split()
)
_MAX_KNOWN = 20_000
_MAX_KNOWN_BYTES = 1_024  # of one line


class _Line:
    """What a line says: its kind, and its value where the kind needs one."""

    __slots__ = ("kind", "length", "options", "value")

    def __init__(self, kind: int, value: bytes) -> None:
        self.kind = kind
        self.value = value
        self.length = content_length(value) if kind == _LENGTH else -1
        self.options = connection_options(value) if kind == _CONNECTION else _NO_OPTIONS


_KNOWN: dict[bytes, _Line] = {}


def _read_line(raw: bytes) -> _Line:
    found = split_line(raw)
    if found is None:
        return _Line(_FAULT, b"")
    name, value = found
    kind = _SPECIAL.get(name, _PASS)
    # Upstreams of the CGI family read X_Request_Id as X-Request-Id: such a name must not smuggle in ours.
    if kind == _PASS and b"_" in name and name.replace(b"_", b"-") in _SPECIAL:
        kind = _DROP
    line = _Line(kind, value)
    if name in _REPEATED and len(raw) <= _MAX_KNOWN_BYTES:
        if len(_KNOWN) >= _MAX_KNOWN:
            _KNOWN.clear()
        _KNOWN[raw] = line
    return line


class RequestHead:
    """One per connection; `read` replaces the last request by the next."""

    __slots__ = (
        "_options", "api_key", "authorization", "chunked", "close", "expect_continue", "forwarded_for", "host",
        "http_10", "is_head", "is_websocket", "length", "lines", "method", "origin", "problem", "request_id", "target",
        "upgrade",
    )  # fmt: skip

    def __init__(self) -> None:
        self.begin(b"", b"", False)

    def begin(self, method: bytes, target: bytes, http_10: bool) -> None:
        """Forget the last request."""
        self.method = method
        self.target = target
        self.http_10 = http_10
        self.is_head = method == b"HEAD"
        self.lines: list[bytes] = []
        self.host: bytes | None = None
        self.authorization: bytes | None = None
        self.api_key: bytes | None = None
        self.request_id: bytes | None = None
        self.forwarded_for: bytes | None = None
        self.upgrade: bytes | None = None
        self.origin: bytes | None = None
        self.length = -1
        self.chunked = False
        self.close = http_10
        self.expect_continue = False
        self.is_websocket = False
        self.problem: Problem | None = None
        self._options: frozenset[bytes] | None = None

    def read(self, raw: bytes) -> Problem | None:
        """Read a whole head, which ends with an empty line; what is wrong with it."""
        lines = raw.split(b"\r\n")
        parts = lines[0].split(b" ")
        if len(parts) != 3:
            self.begin(b"", b"", False)
            return MALFORMED
        method, target, version = parts
        self.begin(method, target, version == b"HTTP/1.0")
        problem = self._request_line_problem(version)
        if problem is not None:
            return problem
        if len(lines) > MAX_HEADERS + 3:
            return HEAD_TOO_LARGE
        passed = self.lines
        for at in range(1, len(lines) - 2):
            self.add_line(lines[at], passed)
        return self.finish()

    def _request_line_problem(self, version: bytes) -> Problem | None:
        method = self.method
        if version != b"HTTP/1.1" and not self.http_10:
            return VERSION_NOT_SUPPORTED if version.startswith(b"HTTP/") else MALFORMED
        if method not in METHODS:
            return NOT_IMPLEMENTED if is_token(method) else MALFORMED
        return target_problem(self.target)

    def add_line(self, raw: bytes, passed: list[bytes]) -> None:
        """Read one line; what the upstream gets as it is goes to `passed`."""
        line = _KNOWN.get(raw)
        if line is None:
            line = _read_line(raw)
        kind = line.kind
        if kind == _PASS:
            passed.append(raw)
        elif kind != _DROP:
            self._special(line)

    def _special(self, line: _Line) -> None:
        kind, value = line.kind, line.value
        if kind == _HOST:
            if self.host is not None or not value:
                self.problem = MALFORMED
            self.host = value
        elif kind == _AUTHORIZATION:
            if self.authorization is not None:
                self.problem = MALFORMED
            self.authorization = value
        elif kind == _REQUEST_ID:
            self.request_id = value[:200]
        elif kind == _API_KEY:
            if self.api_key is not None:
                self.problem = MALFORMED
            self.api_key = value
        elif kind == _LENGTH:
            length = line.length
            if self.length >= 0 or length < 0:
                self.problem = MALFORMED
            self.length = length
        elif kind == _CONNECTION:
            self._options = line.options if self._options is None else self._options | line.options
        else:
            self._rare(kind, value)

    def _rare(self, kind: int, value: bytes) -> None:
        if kind == _CODING:
            if self.chunked:
                self.problem = MALFORMED
            elif value.lower() != b"chunked":
                self.problem = self.problem or NOT_IMPLEMENTED
            self.chunked = True
        elif kind == _EXPECT:
            self.expect_continue = value.lower() == b"100-continue"
        elif kind == _FORWARDED:
            self.forwarded_for = value if self.forwarded_for is None else self.forwarded_for + b", " + value
        elif kind == _ORIGIN:
            if self.origin is not None:
                self.problem = MALFORMED
            self.origin = value
            self.lines.append(b"Origin: " + value)
        elif kind == _UPGRADE:
            self.upgrade = value.lower() if self.upgrade is None else b""
        else:
            self.problem = MALFORMED

    def finish(self) -> Problem | None:
        """Judge the head as a whole, once all lines are in."""
        if self.problem is None and (self.host is None or (self.chunked and (self.length >= 0 or self.http_10))):
            self.problem = MALFORMED
        if self.target[:1] != b"/":
            self._take_authority()
        options = self._options
        if options is not None:
            self.close = b"close" in options or (self.http_10 and b"keep-alive" not in options)
            # RFC 6455 4.1; other upgrades are not taken up.
            self.is_websocket = (
                self.upgrade == b"websocket"
                and b"upgrade" in options
                and self.method == b"GET"
                and not (self.http_10 or self.has_body)
            )
            named = options - _STANDARD_OPTIONS
            if named:
                self.lines = without_named(self.lines, named)
        return self.problem

    def _take_authority(self) -> None:
        """Absolute form (RFC 9112 3.2.2). Another host than the Host header's would be two requests in one."""
        authority, slash, path = self.target.partition(b"://")[2].partition(b"/")
        if self.host is not None and authority.lower() != self.host.lower():
            self.problem = MALFORMED
        self.target = slash + path if slash else b"/"

    def value(self, name: bytes) -> bytes | None:
        """The first line of this name (lower case) among those passed on. A search: not for every call."""
        for line in self.lines:
            if line[: len(name)].lower() == name and line[len(name) : len(name) + 1] == b":":
                return line[len(name) + 1 :].strip(b" \t")
        return None

    @property
    def has_body(self) -> bool:
        """Whether bytes of a body follow the head."""
        return self.chunked or self.length > 0
