"""A response's head, as the upstream sent it: what is passed on, and how its body ends."""

import re

from gateway.domain.framing import MAX_HEADERS, BadFraming, content_length
from gateway.domain.header_line import connection_options, without_named
from gateway.domain.octets import split_line

_PASS, _DROP, _FAULT, _LENGTH, _CODING, _CONNECTION, _UPGRADE = range(7)

_SPECIAL = {
    b"content-length": _LENGTH,
    b"transfer-encoding": _CODING,
    b"connection": _CONNECTION,
    b"upgrade": _UPGRADE,
    b"keep-alive": _DROP,
    b"proxy-connection": _DROP,
    b"proxy-authenticate": _DROP,
    b"proxy-authorization": _DROP,
    b"te": _DROP,
    b"trailer": _DROP,
    # Ours to say.
    b"x-request-id": _DROP,
    b"ratelimit": _DROP,
    b"ratelimit-policy": _DROP,
    b"x-ratelimit-limit": _DROP,
    b"x-ratelimit-remaining": _DROP,
    b"x-ratelimit-reset": _DROP,
}
_NO_OPTIONS: frozenset[bytes] = frozenset()
_STANDARD_OPTIONS = frozenset((b"close", b"keep-alive", b"upgrade", b""))
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*))?").fullmatch


_REPEATED = frozenset(
    b"server date content-type content-length transfer-encoding connection keep-alive vary cache-control"
    b" content-encoding strict-transport-security".split()
)
_MAX_KNOWN = 20_000


class _Line:
    """What a line says: its kind, and its value where the kind needs one."""

    __slots__ = ("kind", "length", "options", "value")

    def __init__(self, kind: int, value: bytes) -> None:
        self.kind = kind
        self.value = value
        self.length = content_length(value) if kind == _LENGTH else -1
        self.options = connection_options(value) if kind == _CONNECTION else _NO_OPTIONS


class _Status:
    """A status line, and how it is passed on."""

    __slots__ = ("code", "http_10", "line")

    def __init__(self, code: int, http_10: bool, line: bytes) -> None:
        self.code = code
        self.http_10 = http_10
        self.line = line


_KNOWN: dict[bytes, _Line] = {}
_STATUSES: dict[bytes, _Status] = {}


def _read_line(raw: bytes) -> _Line:
    found = split_line(raw)
    if found is None:
        return _Line(_FAULT, b"")
    name, value = found
    line = _Line(_SPECIAL.get(name, _PASS), value)
    if name in _REPEATED:
        if len(_KNOWN) >= _MAX_KNOWN:
            _KNOWN.clear()
        _KNOWN[raw] = line
    return line


def _read_status(raw: bytes) -> _Status:
    """Raises BadFraming."""
    found = _STATUS_LINE(raw)
    if found is None:
        raise BadFraming
    status = _Status(int(found[2]), found[1] == b"0", b"HTTP/1.1 %b %b" % (found[2], found[3] or b""))
    if len(_STATUSES) >= 1_000:
        _STATUSES.clear()
    _STATUSES[raw] = status
    return status


class ResponseHead:
    """One per upstream connection; `read` replaces the last response by the next."""

    __slots__ = (
        "_fault", "_options", "_status_line", "chunked", "close", "http_10", "length", "lines", "status", "upgrade",
    )  # fmt: skip

    def __init__(self) -> None:
        self.status = 0
        self.http_10 = False
        self.lines: list[bytes] = []
        self.length = -1
        self.chunked = False
        self.close = False
        self.upgrade: bytes | None = None
        self._status_line = b""
        self._fault = False
        self._options: frozenset[bytes] | None = None

    def read(self, raw: bytes) -> None:
        """Read a whole head, which ends with an empty line. Raises BadFraming for what could be read in two ways."""
        lines = raw.split(b"\r\n")
        if len(lines) > MAX_HEADERS + 3:
            raise BadFraming
        status = _STATUSES.get(lines[0])
        if status is None:
            status = _read_status(lines[0])
        self.status = status.code
        self._status_line = status.line
        self.http_10 = self.close = status.http_10
        self.length = -1
        self.chunked = self._fault = False
        self.upgrade = self._options = None
        passed = self.lines = []
        for at in range(1, len(lines) - 2):
            raw_line = lines[at]
            line = _KNOWN.get(raw_line)
            if line is None:
                line = _read_line(raw_line)
            kind = line.kind
            if kind == _PASS:
                passed.append(raw_line)
            elif kind != _DROP:
                self._special(line)
        self._finish()

    def _special(self, line: _Line) -> None:
        kind, value = line.kind, line.value
        if kind == _LENGTH:
            length = line.length
            self._fault |= self.length >= 0 or length < 0
            self.length = length
        elif kind == _CODING:
            self._fault |= self.chunked or value.lower() != b"chunked"
            self.chunked = True
        elif kind == _CONNECTION:
            self._options = line.options if self._options is None else self._options | line.options
        elif kind == _UPGRADE:
            self.upgrade = value.lower()
        else:
            self._fault = True

    def _finish(self) -> None:
        if self._fault or (self.chunked and (self.length >= 0 or self.http_10)):
            raise BadFraming
        options = self._options
        if options is not None:
            self.close = b"close" in options or (self.http_10 and b"keep-alive" not in options)
            named = options - _STANDARD_OPTIONS
            if named:
                self.lines = without_named(self.lines, named)

    @property
    def accepts_websocket(self) -> bool:
        """The upstream switches to the protocol that was asked for."""
        return self.status == 101 and self.upgrade == b"websocket" and self.length < 0 and not self.chunked

    def render(self, ours: bytes, body: bytes) -> bytes:
        """The head as the client gets it, with `ours` (complete lines) at its end, and the bytes that follow it."""
        lines = self.lines
        lines.insert(0, self._status_line)
        lines.append(ours)
        lines.append(body)
        return b"\r\n".join(lines)
