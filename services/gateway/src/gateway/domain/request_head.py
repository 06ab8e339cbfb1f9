"""A request's head: what is passed on, what is ours to read, and what makes it a hazard."""

from gateway.domain.framing import target_problem
from gateway.domain.head_lines import (
    CODING,
    CONNECTION,
    DROP,
    FINE,
    LENGTH,
    OTHER_METHOD,
    OTHER_TARGET,
    OTHER_VERSION,
    UPGRADE,
    Line,
    LineReader,
    RequestLine,
)
from gateway.domain.header_line import without_named
from gateway.domain.problems import HEAD_TOO_LARGE, MALFORMED, NOT_IMPLEMENTED, VERSION_NOT_SUPPORTED, Problem

_HOST, _AUTHORIZATION, _API_KEY, _EXPECT, _REQUEST_ID, _FORWARDED, _ORIGIN = range(10, 17)
_LENGTH, _CONNECTION, _CODING, _UPGRADE = LENGTH, CONNECTION, CODING, UPGRADE

_SPECIAL = {
    b"host": _HOST,
    b"authorization": _AUTHORIZATION,
    b"x-api-key": _API_KEY,
    b"apikey": _API_KEY,
    b"content-length": LENGTH,
    b"transfer-encoding": CODING,
    b"connection": CONNECTION,
    b"expect": _EXPECT,
    b"x-request-id": _REQUEST_ID,
    b"x-forwarded-for": _FORWARDED,
    b"upgrade": UPGRADE,
    b"origin": _ORIGIN,
    # Ours to say, or meant for the next hop only.
    b"x-forwarded-proto": DROP,
    b"x-forwarded-host": DROP,
    b"x-client-request-id": DROP,
    b"forwarded": DROP,
    b"keep-alive": DROP,
    b"proxy-connection": DROP,
    b"proxy-authorization": DROP,
    b"te": DROP,
    b"trailer": DROP,
    b"http2-settings": DROP,
    # Who calls is said by the gateway alone, where a policy lets it.
    b"x-tollway-organization": DROP,
    b"x-tollway-application": DROP,
    b"x-tollway-subscription": DROP,
    b"x-tollway-plan-version": DROP,
    b"x-tollway-client": DROP,
    b"x-tollway-environment": DROP,
    b"x-tollway-scopes": DROP,
    b"x-tollway-identity": DROP,
}
_STANDARD_OPTIONS = frozenset((b"close", b"keep-alive", b"upgrade", b""))

# Lines that clients send again and again are looked up whole, never what differs in every call.
_REPEATED = frozenset(
    b"authorization host user-agent accept accept-encoding accept-language content-type content-length connection"
    b" transfer-encoding cache-control pragma origin expect".split()
)
_LINES = LineReader(_SPECIAL, _REPEATED, True)


class RequestHead(RequestLine):
    """One per connection; `read` replaces the last request by the next. `passed`: lines that go on, with their ends."""

    __slots__ = (
        "_found", "_judged", "_named", "_options", "api_key", "authorization", "chunked", "close", "expect_continue",
        "forwarded_for", "host", "is_head", "is_websocket", "length", "length_line", "origin", "passed", "problem",
        "request_id", "upgrade",
    )  # fmt: skip

    def __init__(self) -> None:
        self._found: list[Line] = []
        # Clients repeat their Connection header: what it names is found once.
        self._judged: frozenset[bytes] | None = None
        self._named: frozenset[bytes] = frozenset()
        self.lines_at = 0
        self.begin(b"", b"", False)

    def begin(self, method: bytes, target: bytes, http_10: bool) -> None:
        """Forget the last request."""
        self.method = method
        self.target = target
        self.http_10 = http_10
        self._forget()

    def _forget(self) -> None:
        self.is_head = self.method == b"HEAD"
        self.passed: bytes = b""
        self.host: bytes | None = None
        self.authorization: bytes | None = None
        self.api_key: bytes | None = None
        self.request_id: bytes | None = None
        self.forwarded_for: bytes | None = None
        self.upgrade: bytes | None = None
        self.origin: bytes | None = None
        self.length = -1
        self.length_line: bytes = b""
        self.chunked = False
        self.close = self.http_10
        self.expect_continue = False
        self.is_websocket = False
        self.problem: Problem | None = None
        self._options: frozenset[bytes] | None = None

    def read(self, raw: bytes) -> Problem | None:
        """Read a whole head, which ends with an empty line; what is wrong with it."""
        fault = self.read_request_line(raw)
        if fault != FINE:
            problem = self._request_line_problem(fault)
            if problem is not None:
                return problem
        self._forget()
        found = self._found
        passed = _LINES.read(raw, self.lines_at, len(raw), found)
        if passed is None:
            found.clear()
            return HEAD_TOO_LARGE
        self.passed = passed
        for line in found:
            self._special(line)
        found.clear()
        if fault == OTHER_TARGET:
            self._take_authority()
        return self._finish()

    def _request_line_problem(self, fault: int) -> Problem | None:
        if fault == OTHER_TARGET:
            return target_problem(self.target)
        self._forget()
        if fault == OTHER_VERSION:
            return VERSION_NOT_SUPPORTED
        if fault == OTHER_METHOD:
            return NOT_IMPLEMENTED
        self.begin(b"", b"", False)
        return MALFORMED

    def _special(self, line: Line) -> None:
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
            self.request_id = value if len(value) <= 200 else value[:200]
        elif kind == _API_KEY:
            if self.api_key is not None:
                self.problem = MALFORMED
            self.api_key = value
        elif kind == _LENGTH:
            length = line.length
            if self.length >= 0 or length < 0:
                self.problem = MALFORMED
            self.length = length
            self.length_line = value
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
            self.passed += b"Origin: %b\r\n" % value
        elif kind == _UPGRADE:
            self.upgrade = value.lower() if self.upgrade is None else b""
        else:
            self.problem = MALFORMED

    def _finish(self) -> Problem | None:
        """Judge the head as a whole, once all lines are in."""
        if self.problem is None and (self.host is None or (self.chunked and (self.length >= 0 or self.http_10))):
            self.problem = MALFORMED
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
            if options is not self._judged:
                self._judged, self._named = options, options - _STANDARD_OPTIONS
            if self._named:
                self.lines = without_named(self.lines, self._named)
        return self.problem

    def _take_authority(self) -> None:
        """Absolute form (RFC 9112 3.2.2). Another host than the Host header's would be two requests in one."""
        authority, slash, path = self.target.partition(b"://")[2].partition(b"/")
        if self.host is not None and authority.lower() != self.host.lower():
            self.problem = MALFORMED
        self.target = slash + path if slash else b"/"

    @property
    def lines(self) -> list[bytes]:
        """What is passed on, line by line: for those who change it. Not for every call."""
        return self.passed[:-2].split(b"\r\n") if self.passed else []

    @lines.setter
    def lines(self, lines: list[bytes]) -> None:
        self.passed = b"".join([line + b"\r\n" for line in lines])

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
