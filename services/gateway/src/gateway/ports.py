"""What admission and recording need from outside, and how the two sides of a proxied call speak to each other."""

import socket
import ssl
from collections.abc import Callable
from typing import Protocol

from gateway.domain.access_slot import AccessSlot
from gateway.domain.credential import TokenClaims
from gateway.domain.response_head import ResponseHead
from gateway.domain.route import FoundRoute
from gateway.domain.stream import StreamOwner
from gateway.domain.upstream import Upstream
from shared.events.identity import CredentialState


class Tables:
    """The state of the other services, in memory. `identities` grows when a credential or a signing key changes.

    `is_fresh` is False when Kafka has been away for longer than the set age.
    `usage_lines`: what callers are told of their usage, as header lines, by the number of their subscription.
    """

    def __init__(self) -> None:
        self.identities = 0
        self.is_fresh = False
        self.usage_lines: dict[int, bytes] = {}

    def find_route(self, target: bytes) -> FoundRoute | None:
        """Where a request's target leads; None: to no API. Raises ValueError for a path that could be misread."""
        raise NotImplementedError

    def client(self, client_id: str) -> CredentialState | None:
        """The OAuth2 client."""
        raise NotImplementedError

    def api_key(self, sha256: str) -> CredentialState | None:
        """The credential that has this key."""
        raise NotImplementedError

    def access(self, application_id: str, api_id: str, sandbox: bool) -> AccessSlot | None:
        """The access entry."""
        raise NotImplementedError


class TokenVerifier(Protocol):
    """Checks access tokens."""

    def is_known(self, token: bytes) -> bool:
        """Whether it was verified before, so that `verify` is cheap."""
        ...

    def verify(self, token: bytes) -> TokenClaims | str:
        """The claims of a valid token, else a problem's name."""
        ...


class IdentityKeys(Protocol):
    """Says to upstreams who calls, in a form that they can check."""

    def sign(self, claims: tuple[tuple[str, str | int], ...]) -> bytes:
        """A token that holds these claims."""
        ...

    def public_keys(self) -> bytes:
        """The JWK Set to check it by."""
        ...


class CallLog:
    """The durable record of calls."""

    def open_call(self, subscription: int, application: int, api: int, operation: int, plan: int, flags: int) -> int:
        """Reserve room for the record and note the call as open; its slot, or -1 when there is no room."""
        raise NotImplementedError

    def request_id(self, slot: int) -> bytes:
        """The name of the open call, 32 hexadecimal digits; of -1, of a call that is let through unrecorded."""
        raise NotImplementedError

    def append(
        self,
        slot: int,
        bytes_in: int,
        bytes_out: int,
        units: int,
        latency_us: int,
        upstream_us: int,
        status: int,
        flags: int,
    ) -> None:
        """Record the call and close its slot. Never blocks, never fails: the room was reserved."""
        raise NotImplementedError


class RefusalCounter(Protocol):
    """Counts refused calls: they never enter the log, or strangers could fill it."""

    def count(self, reason: str, api_number: int, application_number: int) -> None:
        """One more in this second."""
        ...


class ResponseSink(StreamOwner):
    """The client's side of a call, as the upstream's side sees it."""

    def __init__(self) -> None:
        self.http_10 = False  # the client speaks HTTP/1.0: no chunks, no interim responses
        self.is_head = False  # the answer has no body, whatever its head says
        self.wants_websocket = False  # the client asked to switch to the WebSocket protocol
        self.request_complete = True  # the whole request has come

    def is_complete(self) -> bool:
        """The whole request has come."""
        return self.request_complete

    def on_repeated(self, exchange: "Exchange") -> None:
        """The call goes on over another connection."""
        raise NotImplementedError

    def on_interim(self, head: ResponseHead) -> None:
        """An interim response (1xx), head only."""
        raise NotImplementedError

    def on_switch(self, head: ResponseHead, first: bytes) -> None:
        """The upstream switched protocols (101): from here on bytes pass both ways as they come."""
        raise NotImplementedError

    def on_response(self, head: ResponseHead, first: bytes, last: bool) -> None:
        """The final response's head and the bytes that came with it; `last`: it is complete."""
        raise NotImplementedError

    def on_body(self, data: bytes) -> None:
        """More of the body, framed for the client."""
        raise NotImplementedError

    def on_end(self, data: bytes) -> None:
        """The last bytes of the body."""
        raise NotImplementedError

    def on_failure(self, problem_name: str) -> None:
        """The upstream broke, before or in the middle of its response."""
        raise NotImplementedError

    def pause_request(self) -> None:
        """The upstream takes no more for now."""
        raise NotImplementedError

    def resume_request(self) -> None:
        """The upstream takes more again."""
        raise NotImplementedError


class Exchange(StreamOwner):
    """The upstream's side of a call, as the client's side sees it."""

    def __init__(self) -> None:
        self.payload_bytes = 0  # of the answer's body, so far

    def send(self, data: bytes) -> None:
        """More of the request's body."""
        raise NotImplementedError

    def pause(self) -> None:
        """The client takes no more for now."""
        raise NotImplementedError

    def resume(self) -> None:
        """The client takes more again."""
        raise NotImplementedError

    def finish_sending(self) -> None:
        """The client sends no more (after a switch of protocols)."""
        raise NotImplementedError

    def abort(self) -> None:
        """The call is over; the connection must not be used again."""
        raise NotImplementedError


class Upstreams:
    """Sends calls to upstreams over kept connections."""

    def send(self, upstream: Upstream, data: bytes, sink: ResponseSink, repeatable: bool) -> Exchange:
        """Send a request. `repeatable`: it has no body and an idempotent method, so a stale connection is replaced."""
        raise NotImplementedError


class Sockets(Protocol):
    """The TCP connections of one worker."""

    async def serve(
        self, listener: socket.socket, make_owner: Callable[[], StreamOwner], tls: ssl.SSLContext | None
    ) -> Callable[[], None]:
        """Accept from `listener`, which is given away, until the function that is returned is called."""
        ...

    async def take_accepted(
        self, connection: socket.socket, make_owner: Callable[[], StreamOwner], tls: ssl.SSLContext | None
    ) -> None:
        """Serve a client who was accepted elsewhere. Raises OSError when it is gone already."""
        ...
