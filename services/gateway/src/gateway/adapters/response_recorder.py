"""Between an upstream's answer and its client: listens, so that a cache may keep the answer, and changes nothing."""

from gateway.domain.framing import BadFraming, ChunkedBody
from gateway.domain.response_cache import Recording
from gateway.domain.response_head import ResponseHead
from gateway.ports import Exchange, ResponseSink


class ResponseRecorder(ResponseSink):
    """A `ResponseSink` before another one."""

    def __init__(self, sink: ResponseSink, recording: Recording) -> None:
        super().__init__()
        self.http_10, self.is_head = sink.http_10, sink.is_head
        self.wants_websocket = sink.wants_websocket
        self._sink = sink
        self._recording = recording
        self._wanted = False
        self._chunks: ChunkedBody | None = None

    def is_complete(self) -> bool:
        """As the client."""
        return self._sink.is_complete()

    def on_repeated(self, exchange: Exchange) -> None:
        """The call goes on over another connection."""
        self._sink.on_repeated(exchange)

    def on_interim(self, head: ResponseHead) -> None:
        """Never kept."""
        self._sink.on_interim(head)

    def on_switch(self, head: ResponseHead, first: bytes) -> None:
        """Never kept."""
        self._sink.on_switch(head, first)

    def on_response(self, head: ResponseHead, first: bytes, last: bool) -> None:
        """Only what has a certain end is kept: a length, or chunks from the upstream itself."""
        wanted = self._recording.begin(head.status, head.lines)
        self._wanted = wanted and (head.length >= 0 or head.chunked) and not self._sink.is_head
        if self._wanted and head.chunked and not self._sink.http_10:
            self._chunks = ChunkedBody(decode=True)
        self._hear(first, last)
        self._sink.on_response(head, first, last)

    def on_body(self, data: bytes) -> None:
        """More of the body."""
        self._hear(data, False)
        self._sink.on_body(data)

    def on_end(self, data: bytes) -> None:
        """The last of it."""
        self._hear(data, True)
        self._sink.on_end(data)

    def on_failure(self, problem_name: str) -> None:
        """Half an answer is none."""
        self._wanted = False
        self._sink.on_failure(problem_name)

    def pause_request(self) -> None:
        """The upstream takes no more for now."""
        self._sink.pause_request()

    def resume_request(self) -> None:
        """The upstream takes more again."""
        self._sink.resume_request()

    def _hear(self, data: bytes, last: bool) -> None:
        if not self._wanted:
            return
        if self._chunks is not None and data:
            try:
                self._chunks.feed(data)
            except BadFraming:
                self._wanted = False
                return
            pieces, self._chunks.payload = self._chunks.payload or [], []
            data = b"".join(pieces)
        if data:
            self._recording.add(data)
        if last:
            self._recording.finish()
