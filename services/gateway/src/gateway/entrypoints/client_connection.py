"""The client's side of a connection: requests in, answers out, one call at a time, callbacks only.

A request is framed strictly (domain/framing.py), decided by `CallGate.admit`, streamed to the upstream, and recorded
before the last byte of its answer is written.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import cast

from gateway.domain.cross_origin import Reply
from gateway.domain.framing import BadFraming, unfinished_head_problem
from gateway.domain.problems import MALFORMED, PAYLOAD_TOO_LARGE, PROBLEMS, Problem, Refusal
from gateway.domain.usage import CLIENT_CLOSED_REQUEST
from gateway.entrypoints import deadlines
from gateway.entrypoints.answers import response_head
from gateway.entrypoints.connection_owner import Proxy
from gateway.entrypoints.request_reader import RequestReader
from gateway.entrypoints.upstream_request import is_repeatable, upstream_request
from gateway.ports import Exchange
from gateway.use_cases import Admitted, Wait

MAX_PIPELINED_BYTES = 64 * 1024
MAX_SKIPPED_BYTES = 64 * 1024

_IDLE, _WAITING, _CALL, _SKIP, _DRAIN = range(5)
_TIMEOUT = PROBLEMS["request-timeout"]


class ClientConnection(asyncio.Protocol):
    """One client; also the `ResponseSink` of its current call."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._transport = asyncio.Transport()  # until there is one
        self._peer = b""
        self._reader = RequestReader()
        self._head = self._reader.head
        self._buffer = b""
        self._state = _IDLE
        self._call: Admitted | None = None
        self._exchange: Exchange | None = None
        self._started = False  # the answer's head is out
        self._close_after = False
        self._advancing = False
        self._lost = False
        self._write_paused = False
        self._hold_upstream = False  # reading paused: the upstream takes no more
        self._hold_pipeline = False  # reading paused: too much has been sent ahead
        self._wait_until = 0.0
        self._seen = time.monotonic()

    # What the upstream's side asks (ports.ResponseSink)
    @property
    def http_10(self) -> bool:
        """The client speaks HTTP/1.0: no chunks, no interim responses."""
        return self._head.http_10

    @property
    def is_head(self) -> bool:
        """The answer has no body, whatever its head says."""
        return self._head.method == b"HEAD"

    @property
    def request_complete(self) -> bool:
        """The whole request has come."""
        return self._reader.complete

    # The transport speaks
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        # uvloop's transports do not inherit from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]).encode() if isinstance(peer, tuple) else b"unknown"
        self._proxy.opened(self)

    def data_received(self, data: bytes) -> None:
        """Bytes of this request, or of the next ones."""
        self._seen = time.monotonic()
        if self._state == _IDLE:
            self._buffer = self._buffer + data if self._buffer else data
            self._advance()
        elif self._state == _DRAIN:
            return
        elif self._state != _WAITING and not self.request_complete:
            self._on_body(data)
        else:
            self._buffer += data
            if len(self._buffer) > MAX_PIPELINED_BYTES and not self._hold_pipeline:
                self._hold_pipeline = True
                self._update_reading()

    def eof_received(self) -> bool:
        """The client sends no more; a call whose request is complete is still answered."""
        if self._state in (_CALL, _WAITING) and self.request_complete:
            self._close_after = True
            return True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone. What it called is recorded with what is known."""
        self._lost = True
        self._proxy.closed(self)
        call = self._call
        if call is not None:
            if self._exchange is not None:
                self._exchange.abort()
            self._record(call, call.upstream_status or CLIENT_CLOSED_REQUEST, client_aborted=True)
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
        self._seen = time.monotonic()
        if self._exchange is not None:
            self._exchange.resume()
        self._advance()

    def _update_reading(self) -> None:
        if not self._lost and not self._transport.is_closing():
            held = self._hold_upstream or self._hold_pipeline
            (self._transport.pause_reading if held else self._transport.resume_reading)()

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
            self._hold_pipeline = False
            self._update_reading()

    def _next_request(self) -> bool:
        """False: the head has not arrived completely."""
        while self._buffer.startswith(b"\r\n"):  # RFC 9112 2.2: empty lines before a request are ignored
            self._buffer = self._buffer[2:]
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            problem = unfinished_head_problem(self._buffer)
            if problem is not None:
                self._head.begin(b"", b"", http_10=False)
                self._break_off(problem)
            elif self._hold_pipeline:
                self._hold_pipeline = False
                self._update_reading()
            return False
        raw, self._buffer = self._buffer[: end + 4], self._buffer[end + 4 :]
        problem = self._reader.begin(raw)
        if problem is not None:
            self._break_off(problem)
            return True
        self._started = False
        self._close_after = self._head.close or self._proxy.draining
        self._wait_until = 0.0
        self._decide()
        return True

    def _decide(self) -> None:
        outcome = self._proxy.gate.admit(self._head, self._peer)
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
        now = time.monotonic()
        self._wait_until = self._wait_until or now + deadlines.WAIT_SECONDS
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
        self._call, self._state = call, _CALL
        data = upstream_request(self._head, call, self._peer)
        self._exchange = self._proxy.upstreams.send(
            call.upstream, data, self, repeatable=self.request_complete and is_repeatable(self._head.method)
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
        self._buffer = rest + self._buffer if self._buffer else rest
        if self._reader.body_bytes > self._proxy.gate.max_body_bytes:
            self._end_call(PAYLOAD_TOO_LARGE)
            return
        if self._state == _SKIP:
            if self.request_complete:
                self._state = _IDLE
                self._advance()
        elif body and self._exchange is not None:
            self._exchange.send(body)

    # The upstream's side speaks (ports.ResponseSink)
    def pause_request(self) -> None:
        """The upstream takes no more for now."""
        self._hold_upstream = True
        self._update_reading()

    def resume_request(self) -> None:
        """The upstream takes more again."""
        if self._hold_upstream:
            self._hold_upstream = False
            self._update_reading()

    def on_repeated(self, exchange: Exchange) -> None:
        """The call goes on over another connection."""
        self._exchange = exchange

    def on_interim(self, raw: bytes) -> None:
        """An interim response (1xx)."""
        self._transport.write(raw)

    def on_response(self, status: int, lines: Sequence[bytes], first: bytes, *, last: bool) -> None:
        """The final response's head, with what came of its body."""
        call = self._call
        if call is None:
            return
        self._proxy.gate.heard_upstream(call, status)
        self._started = True
        if not self.request_complete:
            self._close_after = True  # answered early: the rest of the body has nowhere to go
        if call.shape_response is not None:
            lines = call.shape_response(status, lines)
        framed = last or any(line[:14].lower() in (b"content-length", b"transfer-encod") for line in lines)
        self._close_after |= self.http_10 and not framed
        data = response_head(
            status,
            lines,
            call.headers,
            call.request_id,
            close=self._close_after,
            keep_alive=self.http_10 and not self._close_after,
        )
        if first:
            data += first
        if last:
            self.on_end(data)
        else:
            self._transport.write(data)

    def on_body(self, data: bytes) -> None:
        """More of the body."""
        self._transport.write(data)

    def on_end(self, data: bytes) -> None:
        """The answer is complete: the record first, then its last bytes."""
        if (call := self._call) is None:
            return
        # A reset may be known to the transport before we are told of it.
        self._record(call, call.upstream_status, client_aborted=self._transport.is_closing())
        if data:
            self._transport.write(data)
        self._answered()

    def on_failure(self, problem_name: str) -> None:
        """The upstream broke: an answer of ours, or a cut, which the client cannot take for a complete body."""
        if (call := self._call) is None:
            return
        problem = PROBLEMS[problem_name]
        if self._started:
            self._record(call, call.upstream_status, upstream_failed=True)
            self._transport.abort()
            return
        self._record(call, problem.status, upstream_failed=True)
        self._close_after |= not self.request_complete
        self._answer(problem, call.headers, call.request_id)

    def _record(
        self, call: Admitted, status: int, *, client_aborted: bool = False, upstream_failed: bool = False
    ) -> None:
        exchange, self._exchange, self._call = self._exchange, None, None
        latency_us = self._proxy.gate.record_call(
            call,
            status=status,
            bytes_in=self._reader.body_bytes,
            bytes_out=0 if exchange is None else exchange.payload_bytes,
            client_aborted=client_aborted,
            upstream_failed=upstream_failed,
        )
        fault = "client" if client_aborted else "upstream" if upstream_failed or status >= 500 else "none"
        self._proxy.stats.on_call(fault, status, latency_us)
        if self._hold_upstream:
            self.resume_request()

    # Answers of our own
    def _refuse(self, refusal: Refusal) -> None:
        self._proxy.gate.refuse(refusal)
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
            self._record(call, call.upstream_status or problem.status, client_aborted=True)
            if self._started:
                self._transport.abort()
                return
        self._break_off(problem)

    def _break_off(self, problem: Problem) -> None:
        """After a fault in framing nothing on this connection can be trusted."""
        self._proxy.gate.refuse_problem(problem)
        self._close_after = True
        self._answer(problem)

    def _answer(self, answer: Problem | Reply, headers: bytes = b"", request_id: bytes = b"") -> None:
        close = self._close_after = self._close_after or self.http_10 or self._proxy.draining
        self._transport.write(
            self._proxy.answers.render(answer, headers, close=close, head_only=self.is_head, request_id=request_id)
        )
        self._answered()

    def _answered(self) -> None:
        self._seen = time.monotonic()
        if not self._close_after:
            self._state = _IDLE
            self._advance()
            return
        # Linger: closing with unread bytes would reset the connection and take the answer with it.
        self._state = _DRAIN
        self._buffer = b""
        if self._lost or self._transport.is_closing():
            return
        if self._hold_pipeline or self._hold_upstream:
            self._hold_pipeline = self._hold_upstream = False
            self._update_reading()
        self._transport.write_eof()

    # The sweep and the shutdown speak
    def sweep(self, now: float) -> None:
        """End what takes too long; called several times a second."""
        quiet = now - self._seen
        if self._state == _IDLE:
            if self._buffer and quiet > deadlines.HEAD_SECONDS:
                self._break_off(_TIMEOUT)
            elif quiet > deadlines.KEEP_ALIVE_SECONDS or (self._proxy.draining and not self._buffer):
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
