"""Requests out of bytes: a head that has exactly one reading, then a body whose end is certain."""

from gateway.domain.framing import MAX_HEAD_BYTES, ChunkedBody
from gateway.domain.problems import HEAD_TOO_LARGE, Problem
from gateway.domain.request_head import RequestHead


class RequestReader:
    """Reads the requests of one connection, one after the other."""

    def __init__(self) -> None:
        self.head = RequestHead()
        self.complete = True  # of the present request
        self.body_bytes = 0
        self._chunks: ChunkedBody | None = None
        self._left = 0

    def begin(self, raw: bytes) -> Problem | None:
        """Begin a request with its whole raw head; what is wrong with it."""
        head = self.head
        self.body_bytes = 0
        self._chunks = None
        self._left = 0
        if len(raw) > MAX_HEAD_BYTES:
            head.begin(b"", b"", False)
            problem: Problem | None = HEAD_TOO_LARGE
        else:
            problem = head.read(raw)
        if problem is not None:
            self.complete = True
            return problem
        if head.chunked:
            self._chunks = ChunkedBody()
            self.complete = False
        else:
            self._left = max(head.length, 0)
            self.complete = self._left == 0
        return None

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """The part of `data` that belongs to this request's body, and the rest. Raises BadFraming."""
        if self._chunks is not None:
            end = self._chunks.feed(data)
            self.body_bytes = self._chunks.payload_bytes
        else:
            end = self._left if self._left <= len(data) else -1
            taken = min(self._left, len(data))
            self._left -= taken
            self.body_bytes += taken
        if end < 0:
            return data, b""
        self.complete = True
        return data[:end], data[end:]
