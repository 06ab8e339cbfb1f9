"""The client's side of a connection: requests in, answers out, one call at a time, callbacks only.

A request is framed strictly (domain/request_head.py), decided by `CallGate.admit`, streamed to the upstream, and
recorded before the last byte of its answer is written.
"""

import asyncio

from gateway.domain.admitted_call import Admitted, Wait
from gateway.domain.cross_origin import Reply
from gateway.domain.framing import BadFraming, unfinished_head_problem
from gateway.domain.head_lines import end_of_head
from gateway.domain.problems import MALFORMED, PAYLOAD_TOO_LARGE, PROBLEMS, Problem, Refusal
from gateway.domain.response_head import ResponseHead
from gateway.domain.usage import CLIENT_CLOSED_REQUEST
from gateway.entrypoints import deadlines
from gateway.entrypoints.client_stream import ClientStream
from gateway.entrypoints.connection_owner import Proxy
from gateway.entrypoints.request_reader import RequestReader
from gateway.entrypoints.upstream_request import is_repeatable, upstream_request
from gateway.ports import Exchange
from gateway.ticks import now_seconds

MAX_PIPELINED_BYTES = MAX_SKIPPED_BYTES = 64 * 1024

_IDLE, _WAITING, _CALL, _TUNNEL, _SKIP, _DRAIN = range(6)
_BY_NONE, _BY_CLIENT, _BY_UPSTREAM = range(3)  # metrics.FAULTS
_TIMEOUT = PROBLEMS["request-timeout"]


class ClientConnection(ClientStream):
    """One client; also the `ResponseSink` of its current call."""

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(proxy.trusted_proxies)
        self._proxy = proxy
        self._gate = proxy.gate
        self._upstreams = proxy.upstreams
        self._stats = proxy.stats
        self._reader = RequestReader()
        self._head = self._reader.head
        self._buffer = b""
        self._state = _IDLE
        self._call: Admitted | None = None
        self._exchange: Exchange | None = None
        self._started = False  # the answer's head is out
        self._close_after = self._advancing = False
        self._wait_until = 0.0
        self._seen = now_seconds()

    # The transport speaks
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        self.attach(transport)
        self._proxy.opened(self)

    def data_received(self, data: bytes) -> None:
        """Bytes of this request, or of the next ones."""
        state = self._state
        if state == _IDLE:
            self._buffer = self._buffer + data if self._buffer else data
            self._advance()
            return
        self._seen = now_seconds()
        if state == _DRAIN:
            return
        if state == _TUNNEL:
            self._reader.body_bytes += len(data)
            if self._exchange is not None:
                self._exchange.send(data)
        elif state != _WAITING and not self.request_complete:
            self._on_body(data)
        else:
            self._buffer += data
            if len(self._buffer) > MAX_PIPELINED_BYTES:
                self.hold_pipeline(True)

    def eof_received(self) -> bool:
        """The client sends no more; a call whose request is complete is still answered."""
        if self._state == _TUNNEL and self._exchange is not None:
            self._exchange.finish_sending()
            return True
        if self._state in (_CALL, _WAITING) and self.request_complete:
            self._close_after = True
            return True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone. What it called is recorded with what is known."""
        self._lost = True
        self._proxy.closed(self)
        call, exchange = self._call, self._exchange
        if call is not None:
            if exchange is not None:
                exchange.abort()
            # Either side may end a tunnel.
            self._record(call, call.upstream_status or CLIENT_CLOSED_REQUEST, self._state != _TUNNEL, False)
        self._buffer = b""
        self._state = _DRAIN

    def pause_writing(self) -> None:
        """The client takes no more for now."""
        self._write_paused = True
        if self._exchange is not None:
            self._exchange.pause()

    def resume_writing(self) -> None:
        """The client takes more again."""
        self._write_paused = False
        self._seen = now_seconds()
        if self._exchange is not None:
            self._exchange.resume()
        self._advance()

    # One request after the other
    def _advance(self) -> None:
        """Take requests from the buffer while no call is under way. A loop: pipelined requests must not recurse."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while self._state == _IDLE and self._buffer and not self._lost and not self._write_paused:
                if not self._next_request():
                    break
        finally:
            self._advancing = False
        if self._hold_pipeline and self._state == _IDLE and len(self._buffer) <= MAX_PIPELINED_BYTES:
            self.hold_pipeline(False)

    def _next_request(self) -> bool:
        """False: the head has not arrived completely."""
        buffer = self._buffer
        end = end_of_head(buffer)
        if end < 0 or buffer[0] == 13:  # an empty line goes before the request
            return self._on_unfinished_head()
        raw, self._buffer = buffer, b""
        if end < len(buffer):
            raw, self._buffer = buffer[:end], buffer[end:]
        problem = self._reader.begin(raw)
        head = self._head
        self.http_10, self.is_head = head.http_10, head.is_head
        self.request_complete = self._reader.complete
        if not self.request_complete:
            self._seen = now_seconds()
        self._started = False
        if problem is not None:
            self._break_off(problem)
            return True
        if self._proxies is not None:
            self.believe(head, raw)
        self._close_after = head.close or self._proxy.draining
        self._wait_until = 0.0
        self._decide()
        return True

    def _on_unfinished_head(self) -> bool:
        """True when there may be a head behind the empty lines, which RFC 9112 2.2 lets us ignore."""
        self._seen = now_seconds()
        stripped = self._buffer
        while stripped.startswith(b"\r\n"):
            stripped = stripped[2:]
        if len(stripped) < len(self._buffer):
            self._buffer = stripped
            return True
        problem = unfinished_head_problem(stripped)
        if problem is not None:
            self._head.begin(b"", b"", False)
            self.http_10 = self.is_head = self._started = False
            self._break_off(problem)
        else:
            self.hold_pipeline(False)
        return False

    def _decide(self) -> None:
        outcome = self._gate.admit(self._head, self._peer)
        if isinstance(outcome, Admitted):
            self._forward(outcome)
        elif isinstance(outcome, Refusal):
            self._refuse(outcome)
        elif isinstance(outcome, Wait):
            self._wait(outcome)
        else:
            self._answer_early(outcome)

    def _wait(self, outcome: Wait) -> None:
        """The tables get a second to hear of what the caller was just told."""
        now = now_seconds()
        if not self._wait_until:
            self._wait_until = now + deadlines.WAIT_SECONDS
        if now >= self._wait_until or not self._proxy.may_wait():
            self._state = _IDLE
            self._refuse(outcome.refusal)
            return
        self._state = _WAITING
        self._proxy.waiting += 1
        asyncio.get_running_loop().call_later(deadlines.WAIT_STEP_SECONDS, self._decide_again)

    def _decide_again(self) -> None:
        self._proxy.waiting -= 1
        if self._state == _WAITING and not self._lost:
            self._decide()
            self._advance()

    def _forward(self, call: Admitted) -> None:
        head = self._head
        self._call = call
        self._state = _CALL
        self.wants_websocket = head.is_websocket
        self._exchange = self._upstreams.send(
            call.upstream,
            upstream_request(head, call, self._forwarding.lines(self._via, self._scheme, head.host)),
            self,
            self.request_complete and is_repeatable(head.method),
        )
        if not self.request_complete and self._buffer:
            data, self._buffer = self._buffer, b""
            self._on_body(data)

    def _on_body(self, data: bytes) -> None:
        """Body of a call, or of a refused request that is skipped."""
        try:
            body, rest = self._reader.take(data)
        except BadFraming:
            self._end_call(MALFORMED)
            return
        self.request_complete = self._reader.complete
        self._buffer = rest + self._buffer if self._buffer else rest
        if self._reader.body_bytes > self._gate.max_body_bytes:
            self._end_call(PAYLOAD_TOO_LARGE)
            return
        if self._state == _SKIP:
            if self.request_complete:
                self._state = _IDLE
                self._advance()
        elif body and self._exchange is not None:
            self._exchange.send(body)

    # The upstream's side speaks (ports.ResponseSink)
    def on_repeated(self, exchange: Exchange) -> None:
        """The call goes on over another connection."""
        self._exchange = exchange

    def on_interim(self, head: ResponseHead) -> None:
        """An interim response (1xx)."""
        if not self.http_10:
            self.write(head.render_plain(b"", b""))

    def on_switch(self, head: ResponseHead, first: bytes) -> None:
        """The WebSocket is open: from here on bytes pass as they come, and the call lasts until one side ends it."""
        call = self._call
        if call is None or self._exchange is None:
            return
        self._gate.heard_upstream(call, head.status)
        self._started = self._close_after = True
        self._state = _TUNNEL
        ours = b"%bX-Request-Id: %b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" % (call.headers, call.request_id)
        self.write_through(head.render_plain(ours, first))
        if self._buffer:
            data, self._buffer = self._buffer, b""
            self.data_received(data)

    def on_response(self, head: ResponseHead, first: bytes, last: bool) -> None:
        """The final response's head, with what came of its body."""
        call = self._call
        if call is None:
            return
        self._gate.heard_upstream(call, head.status)
        self._started = True
        if not self.request_complete or (self.http_10 and not last and head.length < 0):
            self._close_after = True  # the rest of the body has nowhere to go, or the answer's end is the connection's
        if call.shape_response is not None:
            head.lines = list(call.shape_response(head.status, head.lines))
        end = b"\r\nConnection: close\r\n" if self._close_after else b"\r\n"
        if self.http_10 and not self._close_after:
            end = b"\r\nConnection: keep-alive\r\n"
        data = head.render(call.headers, call.request_id, end, first)
        if last:
            self._end(call, data, call.upstream_ns)
        else:
            self.write_through(data)

    def on_body(self, data: bytes) -> None:
        """More of the body."""
        self.write_through(data)

    def on_end(self, data: bytes) -> None:
        """The answer is complete: the record first, then its last bytes."""
        if self._call is not None:
            self._end(self._call, data, 0)

    def _end(self, call: Admitted, data: bytes, ended_ns: int) -> None:
        # A reset may be known to the transport before we are told of it.
        self._record(call, call.upstream_status, self._transport.is_closing(), False, ended_ns)
        if data:
            self.write(data)
        self._answered()

    def on_failure(self, problem_name: str) -> None:
        """The upstream broke: an answer of ours, or a cut, which the client cannot take for a complete body."""
        call = self._call
        if call is None:
            return
        problem = PROBLEMS[problem_name]
        if self._started:
            self._record(call, call.upstream_status, False, True)
            self._transport.abort()
            return
        self._record(call, problem.status, False, True)
        self._close_after |= not self.request_complete
        self._answer(problem, call.headers, call.request_id)

    def _record(
        self, call: Admitted, status: int, client_aborted: bool, upstream_failed: bool, ended_ns: int = 0
    ) -> None:
        exchange, self._exchange = self._exchange, None
        self._call = None
        bytes_in, bytes_out = self._reader.body_bytes, 0 if exchange is None else exchange.payload_bytes
        latency_us = self._gate.record_call(
            call, status, bytes_in, bytes_out, client_aborted, upstream_failed, ended_ns
        )  # fmt: skip
        fault = _BY_CLIENT if client_aborted else _BY_UPSTREAM if upstream_failed or status >= 500 else _BY_NONE
        self._stats.on_call(fault, status, latency_us)
        if self._hold_upstream:
            self.resume_request()

    # Answers of our own
    def _refuse(self, refusal: Refusal) -> None:
        self._gate.refuse(refusal)
        self._answer_early(refusal)

    def _answer_early(self, outcome: Refusal | Reply) -> None:
        """Answer before, or without, reading the request's body."""
        head = self._head
        if head.chunked or head.length > MAX_SKIPPED_BYTES or (head.has_body and head.expect_continue):
            self._close_after = True  # what comes may never end, or not come at all
        self._answer(outcome.problem if isinstance(outcome, Refusal) else outcome, outcome.headers)
        if not self.request_complete and self._state == _IDLE:
            self._state = _SKIP
            if self._buffer:
                data, self._buffer = self._buffer, b""
                self._on_body(data)

    def _end_call(self, problem: Problem) -> None:
        """The client broke its own request in the middle of it."""
        call = self._call
        if call is not None:
            if self._exchange is not None:
                self._exchange.abort()
            self._record(call, call.upstream_status or problem.status, True, False)
            if self._started:
                self._transport.abort()
                return
        self._break_off(problem)

    def _break_off(self, problem: Problem) -> None:
        """After a fault in framing nothing on this connection can be trusted."""
        self._gate.refuse_problem(problem)
        self._close_after = True
        self._answer(problem)

    def _answer(self, answer: Problem | Reply, headers: bytes = b"", request_id: bytes = b"") -> None:
        close = self._close_after = self._close_after or self.http_10 or self._proxy.draining
        self.write(
            self._proxy.answers.render(answer, headers, close=close, head_only=self.is_head, request_id=request_id)
        )
        self._answered()

    def _answered(self) -> None:
        self._seen = now_seconds()
        if self._close_after:
            self._state = _DRAIN
            self._buffer = b""
            self.end_writing()
            return
        self._state = _IDLE
        if self._buffer or self._hold_pipeline:
            self._advance()

    # The sweep and the shutdown speak
    def sweep(self, now: float) -> None:
        """End what takes too long; called several times a second."""
        quiet = now - self._seen
        if self._state == _IDLE:
            if self._buffer and quiet > deadlines.HEAD_SECONDS:
                self._break_off(_TIMEOUT)
            elif quiet > deadlines.idle_seconds(draining=self._proxy.draining and not self._buffer):
                self._transport.close()
        elif self._state == _DRAIN and quiet > deadlines.LINGER_SECONDS and not self._write_paused:
            self._transport.abort()
        elif quiet > deadlines.BODY_SECONDS and (
            self._write_paused or not (self.request_complete or self._hold_upstream)
        ):
            self._end_call(_TIMEOUT)

    def abort(self) -> None:
        """The time to finish is over."""
        self._transport.abort()
