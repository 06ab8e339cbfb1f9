"""A client's transport: whether more may be read from it, and how it ends."""

import asyncio
from typing import cast

from gateway.domain.forwarded import TrustedProxies, said_of
from gateway.domain.request_head import RequestHead
from gateway.domain.stream import Stream
from gateway.entrypoints.upstream_request import Forwarding
from gateway.ports import ResponseSink


class ClientStream(ResponseSink):
    """Reading stops while the upstream takes no more, or while the client has sent too much ahead."""

    def __init__(self, proxies: TrustedProxies | None = None) -> None:
        super().__init__()
        self._proxies = proxies  # None: what this client says of other addresses is not believed
        self._transport = asyncio.Transport()  # until there is one
        self._stream: Stream | None = None  # the same, where it can be called more cheaply
        self._peer = b""  # the caller's address
        self._via = b""  # from there to here: X-Forwarded-For for the upstream
        self._scheme = b"http"
        self._forwarding = Forwarding()
        self._lost = False
        self._write_paused = False
        self._hold_upstream = False
        self._hold_pipeline = False

    def attach(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        # uvloop's transports do not inherit from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._stream = transport if isinstance(transport, Stream) else None
        peer = transport.get_extra_info("peername")
        self._peer = self._via = str(peer[0]).encode() if isinstance(peer, tuple) else b"unknown"
        if transport.get_extra_info("sslcontext") is not None:
            self._scheme = b"https"
        if self._proxies is not None and not self._proxies.trusts(self._peer):
            self._proxies = None
        self._proxy_said = (self._peer, self._scheme)

    def believe(self, head: RequestHead, raw: bytes) -> None:
        """A trusted proxy's request: it says who called, how, and which host."""
        address, scheme = self._proxy_said
        self._peer, self._via = address, address
        if self._proxies is not None and head.forwarded_for is not None:
            self._peer, self._via = self._proxies.callers(head.forwarded_for, address)
        said_scheme, said_host = said_of(raw)
        self._scheme = said_scheme or scheme
        head.host = said_host or head.host

    def write(self, data: bytes) -> None:
        """Send with what the other connections write in this round."""
        if self._stream is not None:
            self._stream.write_soon(data)
        elif not self._lost:  # a transport that is gone would raise
            self._transport.write(data)  # asyncio's transports gather by themselves

    def write_through(self, data: bytes) -> None:
        """Send at once: a stream's own pace, and its back-pressure, count."""
        self._transport.write(data)

    @property
    def is_gone(self) -> bool:
        """Nothing that is written now arrives."""
        return self._lost or self._transport.is_closing()

    def pause_request(self) -> None:
        """The upstream takes no more for now."""
        self._hold_upstream = True
        self.update_reading()

    def resume_request(self) -> None:
        """The upstream takes more again."""
        if self._hold_upstream:
            self._hold_upstream = False
            self.update_reading()

    def hold_pipeline(self, hold: bool) -> None:
        """The client has sent too much ahead, or no longer."""
        if self._hold_pipeline is not hold:
            self._hold_pipeline = hold
            self.update_reading()

    def update_reading(self) -> None:
        """Read, or do not, as the two reasons say."""
        if self.is_gone:
            return
        if self._hold_upstream or self._hold_pipeline:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def end_writing(self) -> None:
        """Linger: closing with unread bytes would reset the connection and take the answer with it."""
        if self.is_gone:
            return
        if self._hold_pipeline or self._hold_upstream:
            self._hold_pipeline = self._hold_upstream = False
            self.update_reading()
        self._transport.write_eof()
