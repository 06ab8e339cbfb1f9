"""Requests out of bytes: our strict framing and httptools must both accept each of them."""

import httptools

from gateway.domain.framing import BadFraming, ChunkedBody, request_head_problem, unfinished_head_problem
from gateway.domain.problems import MALFORMED, NOT_IMPLEMENTED, Problem
from gateway.domain.request_head import RequestHead


class RequestReader:
    """Reads the requests of one connection, one after the other."""

    def __init__(self) -> None:
        self.head = RequestHead()
        self.complete = True  # of the present request
        self.body_bytes = 0
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self.head)
        self._chunks: ChunkedBody | None = None
        self._left = 0

    def begin(self, raw: bytes) -> Problem | None:
        """Begin a request with its whole raw head; what is wrong with it."""
        problem = unfinished_head_problem(raw) or request_head_problem(raw) or self._parse(raw)
        head = self.head
        self._left = max(head.length, 0)
        self._chunks = ChunkedBody() if head.chunked else None
        self.complete = problem is not None or not head.has_body
        self.body_bytes = 0
        return problem

    def _parse(self, raw: bytes) -> Problem | None:
        method, target, version = raw[: raw.index(b"\r\n")].split(b" ")
        head = self.head
        head.begin(method, target, http_10=version == b"HTTP/1.0")
        if self._parser is None:
            self._parser = httptools.HttpRequestParser(head)
        try:
            self._parser.feed_data(raw)
        except httptools.HttpParserUpgrade:
            self._parser = None  # an offer that we do not take up: llhttp has lost the frame, ours goes on
        except httptools.HttpParserInvalidMethodError:
            return NOT_IMPLEMENTED
        except httptools.HttpParserError:
            return head.finish() or MALFORMED
        return head.finish()

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
        if end >= 0:
            self.complete = True
            data, rest = data[:end], data[end:]
        else:
            rest = b""
        if self._parser is not None and data:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserError as error:
                raise BadFraming from error
        return data, rest
