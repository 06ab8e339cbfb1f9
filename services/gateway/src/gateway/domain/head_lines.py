"""Heads taken apart: where one ends, its request line, and its header lines. `head_lines.pyx` does the same in C.

Every line is passed on, dropped, or said to be ours to read. Lines that the other side repeats are looked up whole.
"""

from gateway.domain.framing import MAX_HEADERS, METHODS, content_length
from gateway.domain.header_line import connection_options
from gateway.domain.octets import VALUE_BYTES, is_target, is_token

PASS, DROP, FAULT, LENGTH, CONNECTION, CODING, UPGRADE = range(7)  # kinds of lines on both sides

# What a request line may be wrong in.
FINE, MALFORMED_LINE, OTHER_VERSION, OTHER_METHOD, OTHER_TARGET = range(5)

_MAX_NAMES = 2_000
_MAX_NAME_BYTES = 64
_MAX_KNOWN = 20_000
_MAX_KNOWN_BYTES = 1_024  # of one line
_NO_OPTIONS: frozenset[bytes] = frozenset()


class Line:
    """What a line says: its kind, and its value where the kind needs one; a length's is a line, as it is passed on."""

    __slots__ = ("kind", "length", "options", "value")

    def __init__(self, kind: int, value: bytes) -> None:
        self.kind = kind
        self.value = value
        self.length = -1
        if kind == LENGTH:
            self.length = content_length(value)
            self.value = b"Content-Length: %d\r\n" % self.length
        self.options = connection_options(value) if kind == CONNECTION else _NO_OPTIONS


_PASSED = Line(PASS, b"")
_DROPPED = Line(DROP, b"")


class LineReader:
    """Reads the header lines of one side. `special`: kinds by lower-case name; `repeated`: names worth remembering.

    With `cgi`, a name that a CGI upstream would read as a special one is dropped: X_Request_Id becomes X-Request-Id.
    """

    __slots__ = ("_cgi", "_known", "_names", "_repeated", "_special")

    def __init__(self, special: dict[bytes, int], repeated: frozenset[bytes], cgi: bool) -> None:
        self._special = special
        self._repeated = repeated
        self._cgi = cgi
        self._known: dict[bytes, Line] = {}
        self._names: dict[bytes, tuple[int, bool]] = {}  # as they were written: their kind, and whether they repeat

    def read(self, raw: bytes, start: int, end: int, found: list[Line]) -> bytes | None:
        """The lines that are passed on, each with its line end; what is ours to read goes to `found`, in order.

        `raw` begins with a whole head: its header lines begin at `start`, and it ends at `end` with the empty line.
        None: there are too many.
        """
        if start >= end - 2:
            return b""
        lines = raw[start : end - 4].split(b"\r\n")
        if len(lines) > MAX_HEADERS:
            return None
        known = self._known
        passed = []
        for text in lines:
            line = known.get(text)
            if line is None:
                line = self.read_line(text)
            if line is _PASSED:
                passed.append(text)
            elif line is not _DROPPED:
                found.append(line)
        if not passed:
            return b""
        passed.append(b"")
        return b"\r\n".join(passed)

    def read_line(self, text: bytes) -> Line:
        """Read one line; remembered if it is worth it."""
        name, colon, value = text.partition(b":")
        known = self._names.get(name)
        if known is None:
            known = self._read_name(name)
        kind, is_repeated = known
        if kind == FAULT or not colon or value.translate(None, VALUE_BYTES):
            return Line(FAULT, b"")
        line = _PASSED if kind == PASS else _DROPPED if kind == DROP else Line(kind, value.strip(b" \t"))
        if is_repeated and len(text) <= _MAX_KNOWN_BYTES:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[text] = line
        return line

    def _read_name(self, text: bytes) -> tuple[int, bool]:
        if not is_token(text):
            return FAULT, False
        name = text.lower()
        kind = self._special.get(name, PASS)
        if self._cgi and kind == PASS and b"_" in name and name.replace(b"_", b"-") in self._special:
            kind = DROP
        known = kind, name in self._repeated
        if len(text) <= _MAX_NAME_BYTES:
            if len(self._names) >= _MAX_NAMES:
                self._names.clear()
            self._names[text] = known
        return known


def end_of_head(data: bytes) -> int:
    """Where the head that `data` begins with ends, its empty line included; -1 when it has not come completely."""
    end = data.find(b"\r\n\r\n")
    return end + 4 if end >= 0 else -1


class RequestLine:
    """The first line of a request."""

    __slots__ = ("http_10", "lines_at", "method", "target")

    def read_request_line(self, raw: bytes) -> int:
        """Read it off a whole head; what is wrong with it. Header lines begin at `lines_at`."""
        end = raw.find(b"\r\n")
        self.lines_at = end + 2
        parts = raw[:end].split(b" ")
        if len(parts) != 3:
            return MALFORMED_LINE
        self.method, self.target, version = parts
        self.http_10 = version == b"HTTP/1.0"
        if version != b"HTTP/1.1" and not self.http_10:
            return OTHER_VERSION if version.startswith(b"HTTP/") else MALFORMED_LINE
        if self.method not in METHODS:
            return OTHER_METHOD if is_token(self.method) else MALFORMED_LINE
        if not is_target(self.target):
            return MALFORMED_LINE
        return FINE if self.target[:1] == b"/" else OTHER_TARGET
