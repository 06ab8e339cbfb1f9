"""A response's head, as the upstream sent it: what is passed on, and how its body ends."""

from gateway.domain.framing import BadFraming, content_length

_LENGTH, _CODING, _CONNECTION, _DROP = range(4)

_SPECIAL = {
    b"content-length": _LENGTH,
    b"transfer-encoding": _CODING,
    b"connection": _CONNECTION,
    b"keep-alive": _DROP,
    b"proxy-connection": _DROP,
    b"proxy-authenticate": _DROP,
    b"proxy-authorization": _DROP,
    b"te": _DROP,
    b"trailer": _DROP,
    b"upgrade": _DROP,
    # Ours to say.
    b"x-request-id": _DROP,
    b"ratelimit": _DROP,
    b"ratelimit-policy": _DROP,
    b"x-ratelimit-limit": _DROP,
    b"x-ratelimit-remaining": _DROP,
    b"x-ratelimit-reset": _DROP,
}
_STANDARD_OPTIONS = frozenset((b"close", b"keep-alive", b"upgrade", b""))


class ResponseHead:
    """Filled by httptools' callbacks; one per upstream connection, `begin` starts the next response."""

    __slots__ = ("_complete", "_fault", "_options", "chunked", "close", "http_10", "length", "lines", "status")

    def __init__(self) -> None:
        self.begin(0, http_10=False)

    def begin(self, status: int, *, http_10: bool) -> None:
        """Forget the last response."""
        self.status = status
        self.http_10 = http_10
        self.lines: list[bytes] = []
        self.length = -1
        self.chunked = False
        self.close = http_10
        self._fault = False
        self._options: frozenset[bytes] | None = None
        self._complete = False

    # httptools' callbacks
    def on_header(self, name: bytes, value: bytes) -> None:
        """One header line, or one line of the trailer, which ChunkedBody judges."""
        if self._complete:
            return
        kind = _SPECIAL.get(name.lower())
        if kind is None:
            self.lines.append(name + b": " + value)
        elif kind == _LENGTH:
            length = content_length(value)
            self._fault |= self.length >= 0 or length < 0
            self.length = length
        elif kind == _CODING:
            self._fault |= self.chunked or value.strip(b" \t").lower() != b"chunked"
            self.chunked = True
        elif kind == _CONNECTION:
            options = frozenset(option.strip(b" \t").lower() for option in value.split(b","))
            self._options = options if self._options is None else self._options | options

    def on_headers_complete(self) -> None:
        """What comes now is a body or a trailer."""
        self._complete = True

    def finish(self) -> None:
        """Judge the head as a whole. Raises BadFraming."""
        if self._fault or (self.chunked and (self.length >= 0 or self.http_10)):
            raise BadFraming
        options = self._options
        if options is not None:
            self.close = b"close" in options or (self.http_10 and b"keep-alive" not in options)
            named = options - _STANDARD_OPTIONS
            if named:
                self.lines = [line for line in self.lines if line.partition(b":")[0].lower() not in named]
