"""Strict HTTP/1.1 framing: what two servers could read differently is refused here.

The gateway and the upstream must agree on where each message ends; if they do not, one caller's bytes become another
caller's request. So nothing is repaired and nothing is guessed: a message has exactly one form, or it does not pass.
"""

import re

from gateway.domain.octets import is_target, split_line
from gateway.domain.problems import HEAD_TOO_LARGE, MALFORMED, Problem

MAX_HEAD_BYTES = 32 * 1024
MAX_HEADERS = 100
MAX_TRAILER_BYTES = 8 * 1024
MAX_CHUNK_LINE_BYTES = 1024

# What OpenAPI knows operations for. Others are answered 501 before anything is looked up.
METHODS = frozenset(b"GET HEAD POST PUT DELETE PATCH OPTIONS TRACE".split())

_ABSOLUTE = re.compile(rb"https?://[A-Za-z0-9\-._~\[\]:]+(?:/.*)?", re.IGNORECASE).fullmatch
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[\t\x20-\x7e]{0,256})?\r\n").fullmatch
# A trailer that speaks of framing, routing or credentials could be merged into the head by an upstream.
_FORBIDDEN_TRAILERS = frozenset(
    b"content-length transfer-encoding host authorization connection trailer te x-api-key apikey x-request-id"
    b" content-encoding content-type cookie expect".split()
)


class BadFraming(Exception):
    """The bytes are not one unambiguous HTTP/1.1 message."""


def target_problem(target: bytes) -> Problem | None:
    """What is wrong with a request's target: origin form, or absolute form with a plain authority."""
    if not is_target(target) or (target[:1] != b"/" and _ABSOLUTE(target) is None):
        return MALFORMED
    return None


def unfinished_head_problem(received: bytes) -> Problem | None:
    """What is already wrong with a head that has not arrived completely."""
    if received.count(b"\n") != received.count(b"\r\n") or b"\0" in received:
        return MALFORMED
    if len(received) > MAX_HEAD_BYTES:
        return HEAD_TOO_LARGE
    return None


def content_length(value: bytes) -> int:
    """Digits only, nothing clever; -1 for everything else."""
    return int(value) if value.isdigit() and len(value) <= 18 else -1


class ChunkedBody:
    """Follows a chunked body and finds its end. The bytes pass on as they are, unless `decode` keeps the payload."""

    __slots__ = ("_line", "_need", "_state", "_trailer_bytes", "payload", "payload_bytes")

    def __init__(self, *, decode: bool = False) -> None:
        self._state = 0  # 0 size line, 1 data, 2 CRLF after data, 3 trailer
        self._need = 0
        self._line = b""
        self._trailer_bytes = 0
        self.payload_bytes = 0
        self.payload: list[bytes] | None = [] if decode else None

    def feed(self, data: bytes, position: int = 0) -> int:
        """Go on at `position`; the index after the body's last byte, or -1 while it goes on. Raises BadFraming."""
        size = len(data)
        while position < size:
            if self._state == 1:
                taken = min(self._need, size - position)
                if self.payload is not None:
                    self.payload.append(data[position : position + taken])
                self.payload_bytes += taken
                self._need -= taken
                position += taken
                if self._need:
                    return -1
                self._state = 2
                continue
            end = data.find(b"\n", position)
            if end < 0:
                self._line += data[position:]
                # A bare CR, or a line that never ends, is refused without waiting for its end.
                if len(self._line) > MAX_CHUNK_LINE_BYTES or b"\r" in self._line[:-1]:
                    raise BadFraming
                return -1
            line = self._line + data[position : end + 1]
            self._line = b""
            position = end + 1
            if self._on_line(line):
                return position
        return -1

    def _on_line(self, line: bytes) -> bool:
        """True at the end of the body."""
        if self._state == 2:
            if line != b"\r\n":
                raise BadFraming
            self._state = 0
            return False
        if self._state == 0:
            found = _CHUNK_SIZE(line)
            if found is None:
                raise BadFraming
            self._need = int(found[1], 16)
            self._state = 1 if self._need else 3
            return False
        if line == b"\r\n":
            return True
        self._trailer_bytes += len(line)
        trailer = split_line(line[:-2])
        if not line.endswith(b"\r\n") or trailer is None or self._trailer_bytes > MAX_TRAILER_BYTES:
            raise BadFraming
        if trailer[0] in _FORBIDDEN_TRAILERS:
            raise BadFraming
        return False
