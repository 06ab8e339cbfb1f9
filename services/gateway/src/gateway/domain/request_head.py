"""A request's head: what is passed on, what is ours to read, and what makes it a hazard."""

from gateway.domain.framing import content_length
from gateway.domain.problems import MALFORMED, NOT_IMPLEMENTED, Problem

_HOST, _AUTHORIZATION, _API_KEY, _LENGTH, _CODING, _CONNECTION, _EXPECT, _REQUEST_ID, _FORWARDED, _ORIGIN, _DROP = (
    range(11)
)

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
    b"upgrade": _DROP,
    b"http2-settings": _DROP,
    # Who calls is said by the gateway alone, where a policy lets it.
    b"x-tollway-organization": _DROP,
    b"x-tollway-application": _DROP,
    b"x-tollway-subscription": _DROP,
    b"x-tollway-plan-version": _DROP,
    b"x-tollway-client": _DROP,
    b"x-tollway-environment": _DROP,
    b"x-tollway-scopes": _DROP,
}
_STANDARD_OPTIONS = frozenset((b"close", b"keep-alive", b"upgrade", b""))


class RequestHead:
    """Filled by httptools' callbacks; one per connection, `begin` starts the next request."""

    __slots__ = (
        "_complete",
        "_options",
        "api_key",
        "authorization",
        "chunked",
        "close",
        "expect_continue",
        "forwarded_for",
        "host",
        "http_10",
        "length",
        "lines",
        "method",
        "origin",
        "problem",
        "request_id",
        "target",
    )  # fmt: skip

    def __init__(self) -> None:
        self.begin(b"", b"", http_10=False)

    def begin(self, method: bytes, target: bytes, *, http_10: bool) -> None:
        """Forget the last request."""
        self.method = method
        self.target = target
        self.http_10 = http_10
        self.lines: list[bytes] = []
        self.host: bytes | None = None
        self.authorization: bytes | None = None
        self.api_key: bytes | None = None
        self.request_id: bytes | None = None
        self.forwarded_for: bytes | None = None
        self.origin: bytes | None = None
        self.length = -1
        self.chunked = False
        self.close = http_10
        self.expect_continue = False
        self.problem: Problem | None = None
        self._options: frozenset[bytes] | None = None
        self._complete = False

    # httptools' callbacks
    def on_header(self, name: bytes, value: bytes) -> None:
        """One header line, or one line of the trailer, which ChunkedBody judges."""
        if self._complete:
            return
        lower = name.lower()
        kind = _SPECIAL.get(lower)
        if kind is None:
            # Upstreams of the CGI family read X_Request_Id as X-Request-Id: such a name must not smuggle in ours.
            if b"_" in lower and lower.replace(b"_", b"-") in _SPECIAL:
                return
            self.lines.append(name + b": " + value)
        else:
            self._special(kind, value)

    def on_headers_complete(self) -> None:
        """What comes now is a body or a trailer."""
        self._complete = True

    def _special(self, kind: int, value: bytes) -> None:
        value = value.strip(b" \t")
        if kind == _HOST:
            if self.host is not None or not value:
                self.problem = MALFORMED
            self.host = value
        elif kind == _AUTHORIZATION:
            if self.authorization is not None:
                self.problem = MALFORMED
            self.authorization = value
        elif kind == _API_KEY:
            if self.api_key is not None:
                self.problem = MALFORMED
            self.api_key = value
        elif kind == _LENGTH:
            length = content_length(value)
            if self.length >= 0 or length < 0:
                self.problem = MALFORMED
            self.length = length
        elif kind == _CODING:
            if self.chunked:
                self.problem = MALFORMED
            elif value.lower() != b"chunked":
                self.problem = self.problem or NOT_IMPLEMENTED
            self.chunked = True
        elif kind == _CONNECTION:
            options = frozenset(option.strip(b" \t").lower() for option in value.split(b","))
            self._options = options if self._options is None else self._options | options
        elif kind == _EXPECT:
            self.expect_continue = value.lower() == b"100-continue"
        elif kind == _REQUEST_ID:
            self.request_id = value[:200]
        elif kind == _FORWARDED:
            self.forwarded_for = value if self.forwarded_for is None else self.forwarded_for + b", " + value
        elif kind == _ORIGIN:
            if self.origin is not None:
                self.problem = MALFORMED
            self.origin = value
            self.lines.append(b"Origin: " + value)

    def finish(self) -> Problem | None:
        """Judge the head as a whole, once all lines are in."""
        if self.problem is None and (self.host is None or (self.chunked and (self.length >= 0 or self.http_10))):
            self.problem = MALFORMED
        options = self._options
        if options is not None:
            self.close = b"close" in options or (self.http_10 and b"keep-alive" not in options)
            named = options - _STANDARD_OPTIONS
            if named:  # what the client declares as meant for this hop only ends here
                self.lines = [line for line in self.lines if line.partition(b":")[0].lower() not in named]
        return self.problem

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
