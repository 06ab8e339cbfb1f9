"""A response's head, as the upstream sent it: what is passed on, and how its body ends."""

import re

from gateway.domain.framing import BadFraming
from gateway.domain.head_lines import CODING, CONNECTION, DROP, LENGTH, UPGRADE, Line, LineReader, end_of_head
from gateway.domain.header_line import without_named
from gateway.domain.octets import begins_with, concat, part

_LENGTH, _CONNECTION, _CODING, _UPGRADE = LENGTH, CONNECTION, CODING, UPGRADE

_SPECIAL = {
    b"content-length": LENGTH,
    b"transfer-encoding": CODING,
    b"connection": CONNECTION,
    b"upgrade": UPGRADE,
    b"keep-alive": DROP,
    b"proxy-connection": DROP,
    b"proxy-authenticate": DROP,
    b"proxy-authorization": DROP,
    b"te": DROP,
    b"trailer": DROP,
    # Ours to say.
    b"x-request-id": DROP,
    b"ratelimit": DROP,
    b"ratelimit-policy": DROP,
    b"x-ratelimit-limit": DROP,
    b"x-ratelimit-remaining": DROP,
    b"x-ratelimit-reset": DROP,
    b"x-tollway-usage-units": DROP,
    b"x-tollway-usage-cost": DROP,
    b"x-tollway-usage-until": DROP,
    b"x-tollway-quota-limit": DROP,
    b"x-tollway-quota-remaining": DROP,
}
_STANDARD_OPTIONS = frozenset((b"close", b"keep-alive", b"upgrade", b""))
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*))?").fullmatch


_REPEATED = frozenset(
    b"server date content-type content-length transfer-encoding connection keep-alive vary cache-control"
    b" content-encoding strict-transport-security".split()
)
_LINES = LineReader(_SPECIAL, _REPEATED, False)


class _Status:
    """A status line with its end, and how it is passed on."""

    __slots__ = ("code", "http_10", "line", "raw")

    def __init__(self, raw: bytes, code: int, http_10: bool, line: bytes) -> None:
        self.raw = raw
        self.code = code
        self.http_10 = http_10
        self.line = line


_STATUSES: dict[bytes, _Status] = {}


def _read_status(raw: bytes) -> _Status:
    """Raises BadFraming."""
    found = _STATUS_LINE(raw[:-2])
    if found is None:
        raise BadFraming
    status = _Status(raw, int(found[2]), found[1] == b"0", b"HTTP/1.1 %b %b\r\n" % (found[2], found[3] or b""))
    if len(_STATUSES) >= 1_000:
        _STATUSES.clear()
    _STATUSES[raw] = status
    return status


class ResponseHead:
    """One per upstream connection; `read` replaces the last response by the next.

    `passed`: lines that go on, with their ends. `framing`: the line that says how the body ends.
    """

    __slots__ = (
        "_fault", "_found", "_judged", "_last", "_named", "_options", "_read", "_read_passed", "_status_line",
        "chunked", "close", "framing", "http_10", "length", "length_line", "passed", "status", "upgrade",
    )  # fmt: skip

    def __init__(self) -> None:
        self.status = 0
        self.http_10 = False
        self.passed = b""
        self.framing = b""
        self.length = -1
        self.length_line = b""
        self.chunked = False
        self.close = False
        self.upgrade: bytes | None = None
        self._status_line = b""
        # Peers repeat their Connection header: what it names is found once.
        self._judged: frozenset[bytes] | None = None
        self._named: frozenset[bytes] = frozenset()
        self._last: _Status | None = None
        # Until a second has passed, or the length differs, an upstream's answers have the same head: it is read once.
        self._read = b""
        self._read_passed = b""
        self._fault = False
        self._options: frozenset[bytes] | None = None
        self._found: list[Line] = []

    def read(self, raw: bytes) -> int:
        """Read the head that `raw` begins with; where it ends, its empty line included, or -1: it is not whole yet.

        Raises BadFraming for what could be read in two ways.
        """
        known = self._read
        if known and begins_with(raw, known):
            self.passed = self._read_passed
            self.framing = b""
            return len(known)
        end = end_of_head(raw)
        if end < 0:
            return -1
        self._read = b""
        self._read_anew(raw, end)
        self._read = part(raw, 0, end)
        self._read_passed = self.passed
        return end

    def _read_anew(self, raw: bytes, end: int) -> None:
        status = self._last
        # An upstream's answers mostly begin alike.
        if status is None or not begins_with(raw, status.raw):
            first = raw[: raw.find(b"\r\n") + 2]
            status = self._last = _STATUSES.get(first) or _read_status(first)
        self.status = status.code
        self._status_line = status.line
        self.http_10 = self.close = status.http_10
        self.framing = self.length_line = b""
        self.length = -1
        self.chunked = self._fault = False
        self.upgrade = self._options = None
        found = self._found
        passed = _LINES.read(raw, len(status.raw), end, found)
        if passed is None:
            found.clear()
            raise BadFraming
        self.passed = passed
        for line in found:
            self._special(line)
        found.clear()
        self._finish()

    def _special(self, line: Line) -> None:
        kind, value = line.kind, line.value
        if kind == _LENGTH:
            length = line.length
            self._fault |= self.length >= 0 or length < 0
            self.length = length
            self.length_line = value
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
            if options is not self._judged:
                self._judged, self._named = options, options - _STANDARD_OPTIONS
            if self._named:
                self.lines = without_named(self.lines, self._named)

    @property
    def accepts_websocket(self) -> bool:
        """The upstream switches to the protocol that was asked for."""
        return self.status == 101 and self.upgrade == b"websocket" and self.length < 0 and not self.chunked

    @property
    def lines(self) -> list[bytes]:
        """What is passed on, line by line: for those who change it. Not for every call."""
        return self.passed[:-2].split(b"\r\n") if self.passed else []

    @lines.setter
    def lines(self, lines: list[bytes]) -> None:
        self.passed = b"".join([line + b"\r\n" for line in lines])

    def render(self, ours: bytes, request_id: bytes, end: bytes, body: bytes) -> bytes:
        """The head as the client gets it, and the bytes that follow it: `ours` are complete lines."""
        return concat(
            (self._status_line, self.passed, self.framing, ours, b"X-Request-Id: ", request_id, end, b"\r\n", body)
        )

    def render_plain(self, ours: bytes, body: bytes) -> bytes:
        """The same for a head that is not a final answer's."""
        return concat((self._status_line, self.passed, ours, b"\r\n", body))
