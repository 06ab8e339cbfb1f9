"""The upstream's side of a call: strict responses, kept connections, one retry where it is provably safe.

A callback-style protocol: no task and no future per call; only a new connection costs a task.
"""

import asyncio
from typing import cast

from gateway.adapters.upstream_lane import KeptConnection, Lane, Pool
from gateway.domain.framing import MAX_HEAD_BYTES, BadFraming, ChunkedBody
from gateway.domain.octets import part
from gateway.domain.response_head import ResponseHead
from gateway.domain.stream import Stream
from gateway.domain.upstream import Upstream
from gateway.ports import ResponseSink
from gateway.ticks import now_seconds

IDLE_SECONDS = 50.0
UNREACHABLE = "upstream-unreachable"
TIMEOUT = "upstream-timeout"
BUSY = "upstream-busy"

TUNNEL_IDLE_SECONDS = 3600.0

_CONNECTING, _IDLE, _HEAD, _LENGTH, _CHUNKED, _UNTIL_CLOSE, _TUNNEL, _OVER = range(8)


class UpstreamConnection(KeptConnection):
    """One connection; carries one call at a time."""

    def __init__(self, pool: Pool, upstream: Upstream, lane: Lane) -> None:
        super().__init__(upstream, lane)
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._stream: Stream | None = None  # the same, where it can be called more cheaply
        self._sink: ResponseSink | None = None
        self._state = _CONNECTING
        self._head = ResponseHead()
        self._buffer = b""
        self._pending = b""  # of a request that waits for the connection
        self._request = b""  # kept while the call may be repeated
        self._left = 0
        self._chunks: ChunkedBody | None = None
        self._recode = False  # body until close -> chunks for the client
        self._keep = True
        self._calls = 0
        self._paused = False
        self.tries = 1  # of the call, this one included
        self.heard_at = 0.0
        self._started_at = 0.0

    # The client's side speaks (ports.Exchange)
    def start(self, data: bytes, sink: ResponseSink, repeatable: bool) -> None:
        """Send a request."""
        self._sink = sink
        self._request = data if repeatable else b""
        self.tries = 1
        self.payload_bytes = 0
        self.heard_at = self._started_at = now_seconds()
        self._calls += 1
        if self._transport is None:
            self._pending = data
            if not sink.is_complete():
                sink.pause_request()  # its body stays with the client until there is a connection
        else:
            self._state = _HEAD
            if self._stream is not None:
                self._stream.write_soon(data)
            else:
                self._transport.write(data)  # asyncio's transports gather by themselves

    def send(self, data: bytes) -> None:
        """More of the request's body."""
        self.heard_at = now_seconds()
        if self._transport is None:
            self._pending += data
        elif self._state != _OVER:
            self._transport.write(data)

    def pause(self) -> None:
        """The client takes no more for now."""
        if self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """The client takes more again."""
        if self._transport is not None and self._paused:
            self._paused = False
            self.heard_at = now_seconds()
            self._transport.resume_reading()

    def finish_sending(self) -> None:
        """The client sends no more (after a switch of protocols)."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()

    def abort(self) -> None:
        """The call is over; the connection must not be used again."""
        self._sink = None
        self._keep = False
        self._state = _OVER
        self._pool.forget(self)
        if self._transport is not None:
            self._transport.abort()

    # The transport speaks
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected: what waits is sent."""
        # uvloop's transports do not inherit from asyncio's.
        self._transport = stream = cast(asyncio.Transport, transport)
        self._stream = transport if isinstance(transport, Stream) else None
        if self._state == _OVER or self._sink is None:
            stream.abort()
            return
        self._state = _HEAD
        data, self._pending = self._pending, b""
        self.heard_at = now_seconds()
        stream.write(data)
        self._sink.resume_request()

    def connect_failed(self) -> None:
        """There will be no connection. Nothing was sent, so any call may be tried elsewhere."""
        sink, self._sink = self._sink, None
        self._state = _OVER
        self._pool.forget(self)
        if sink is None:
            return
        self._pool.failed(self.upstream)
        pending, self._pending = self._pending, b""
        if not self._pool.try_elsewhere(self.upstream, pending, sink, self.tries, bool(self._request)):
            sink.on_failure(UNREACHABLE)

    def refuse(self, sink: ResponseSink, problem_name: str) -> None:
        """No call goes there now: say so when the caller has this exchange."""
        self._sink = sink
        self._state = _OVER

        def tell() -> None:
            told, self._sink = self._sink, None
            if told is not None:
                told.on_failure(problem_name)

        asyncio.get_running_loop().call_soon(tell)

    def mock(self, sink: ResponseSink, answer: bytes) -> None:
        """Answer without an upstream, when the caller has this exchange. `answer` says that it closes."""
        self._sink = sink
        self._state = _HEAD
        self.heard_at = now_seconds()
        asyncio.get_running_loop().call_soon(self.data_received, answer)

    def is_late(self, now: float) -> bool:
        """The upstream has been silent, or the call under way, for longer than the deployment allows."""
        if self._state in (_IDLE, _OVER):
            return False
        upstream = self.upstream
        if now - self.heard_at > upstream.timeout_seconds:
            return True
        if upstream.first_byte_seconds and self._state == _HEAD and now - self.heard_at > upstream.first_byte_seconds:
            return True
        return (
            bool(upstream.total_seconds) and self._state != _TUNNEL and now - self._started_at > upstream.total_seconds
        )

    def data_received(self, data: bytes) -> None:
        """Bytes of a response."""
        sink = self._sink
        if sink is None or self._state in (_IDLE, _OVER):
            self._close()  # nobody asked: a connection that speaks by itself cannot be trusted
            return
        self.heard_at = now_seconds()
        try:
            if self._state == _HEAD:
                self._on_head_bytes(sink, data)
            else:
                self._on_body_bytes(sink, data)
        except BadFraming:
            self._fail(sink, UNREACHABLE)

    def _on_head_bytes(self, sink: ResponseSink, data: bytes) -> None:
        if self._buffer:
            data, self._buffer = self._buffer + data, b""
        head = self._head
        while True:
            end = head.read(data)
            if end < 0:
                if len(data) > MAX_HEAD_BYTES:
                    raise BadFraming
                self._buffer = data
                return
            data = part(data, end, len(data))
            if head.status >= 200:
                break
            if head.status == 101:
                self._on_switch(sink, data)
                return
            if head.length >= 0 or head.chunked:
                raise BadFraming
            sink.on_interim(head)
            if not data:
                return
        self._request = b""  # something was received: never again
        if self.upstream.group is not None:
            self._pool.answered(self.upstream, head.status)
        if head.close or not sink.is_complete():
            self._keep = False
        self._on_final_head(sink, head, data)

    def _on_switch(self, sink: ResponseSink, data: bytes) -> None:
        """The call becomes a tunnel, if that is what the client asked for."""
        if not sink.wants_websocket or not self._head.accepts_websocket:
            raise BadFraming
        self._request = b""
        self._keep = False
        self._state = _TUNNEL
        self.payload_bytes = len(data)
        sink.on_switch(self._head, data)

    def _on_final_head(self, sink: ResponseSink, head: ResponseHead, data: bytes) -> None:
        length = head.length
        if sink.is_head or head.status in (204, 304):
            # The frame ends here whatever the head says.
            self._keep = self._keep and not data
            if length >= 0 and head.status != 204:
                head.framing = head.length_line
            self._finish(sink)
            sink.on_response(head, b"", True)
        elif length >= 0:
            head.framing = head.length_line
            if len(data) > length:
                self._keep = False  # surplus bytes would be the next caller's answer
                data = data[:length]
            self.payload_bytes = len(data)
            if self.payload_bytes == length:
                self._finish(sink)
                sink.on_response(head, data, True)
            else:
                self._left = length - self.payload_bytes
                self._state = _LENGTH
                sink.on_response(head, data, False)
        else:
            self._on_open_end(sink, head)
            if data and self._sink is not None:
                self._on_body_bytes(sink, data)

    def _on_open_end(self, sink: ResponseSink, head: ResponseHead) -> None:
        """A body whose end is still to come: chunks, or the end of the connection."""
        if head.chunked:
            self._chunks = ChunkedBody(decode=sink.http_10)
            self._state = _CHUNKED
        else:
            self._keep = False
            self._state = _UNTIL_CLOSE
            self._recode = not sink.http_10
        if not sink.http_10:
            head.framing = b"Transfer-Encoding: chunked\r\n"
        sink.on_response(head, b"", False)

    def _on_body_bytes(self, sink: ResponseSink, data: bytes) -> None:
        if self._state == _LENGTH:
            if len(data) > self._left:
                self._keep = False
                data = data[: self._left]
            self._left -= len(data)
            self.payload_bytes += len(data)
            if self._left:
                sink.on_body(data)
            else:
                self._finish(sink)
                sink.on_end(data)
        elif self._state == _CHUNKED and self._chunks is not None:
            self._on_chunks(sink, self._chunks, data)
        else:
            self.payload_bytes += len(data)
            sink.on_body(b"%x\r\n%b\r\n" % (len(data), data) if self._recode else data)

    def _on_chunks(self, sink: ResponseSink, chunks: ChunkedBody, data: bytes) -> None:
        end = chunks.feed(data)
        if 0 <= end < len(data):
            self._keep = False
            data = data[:end]
        self.payload_bytes = chunks.payload_bytes
        if chunks.payload is not None:
            data = b"".join(chunks.payload)
            chunks.payload.clear()
        if end >= 0:
            self._finish(sink)
            sink.on_end(data)
        elif data:
            sink.on_body(data)

    def _finish(self, sink: ResponseSink) -> None:
        """The response is complete: the connection is free before the client's next request asks for one."""
        self._sink = None
        self._chunks = None
        self._request = b""
        if self._keep and not self._paused:
            self._state = _IDLE
            self._pool.give_back(self)
        else:
            self._close()

    def _close(self) -> None:
        self._state = _OVER
        self._pool.forget(self)
        if self._transport is not None:
            self._transport.close()

    def _fail(self, sink: ResponseSink, problem_name: str) -> None:
        self._pool.failed(self.upstream)
        self.abort()
        sink.on_failure(problem_name)

    def on_timeout(self) -> None:
        """The upstream has been silent for longer than its deployment allows; a tunnel may be silent for longer."""
        if self._state == _TUNNEL and now_seconds() - self.heard_at < TUNNEL_IDLE_SECONDS:
            return
        if self._sink is not None and not self._paused:
            self._fail(self._sink, TIMEOUT)

    def eof_received(self) -> bool:
        """The upstream is done; `connection_lost` decides what that means."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed. Before a byte of the answer came on a kept connection: a race with the upstream's idle timer."""
        sink, self._sink = self._sink, None
        state, self._state = self._state, _OVER
        self._pool.forget(self)
        if sink is None:
            return
        if state == _UNTIL_CLOSE and exc is None:
            sink.on_end(b"0\r\n\r\n" if self._recode else b"")
        elif state == _TUNNEL:
            sink.on_end(b"")
        elif state == _HEAD and self._request and self._calls > 1 and not self._buffer:
            # Safe to repeat: idempotent, no body, nothing received, and the connection had served a call before.
            self._pool.repeat(self.upstream, self._request, sink)
        else:
            self._pool.failed(self.upstream)
            # Idempotent, no body, nothing received: RFC 9110 9.2.2 allows it, another target may be alive.
            safe = state == _HEAD and self._request and not self._buffer
            if not safe or not self._pool.try_elsewhere(self.upstream, self._request, sink, self.tries, True):
                sink.on_failure(UNREACHABLE)

    def pause_writing(self) -> None:
        """The upstream takes no more for now."""
        if self._sink is not None:
            self._sink.pause_request()

    def resume_writing(self) -> None:
        """The upstream takes more again."""
        self.heard_at = now_seconds()
        if self._sink is not None:
            self._sink.resume_request()

    def is_idle_too_long(self, now: float) -> bool:
        """Kept without use."""
        return self._state == _IDLE and now - self.heard_at > IDLE_SECONDS

    def close_idle(self) -> None:
        """Close a connection without a call."""
        self._close()
