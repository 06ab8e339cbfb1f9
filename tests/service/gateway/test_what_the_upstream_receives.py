"""A fuzzer: whatever bytes a client sends, the upstream receives at most the requests that a strict reader finds in
them, in order, each with the same method, target, headers and body.

The strict reader is h11: another code base, another author. What it accepts and the gateway refuses is fine.
"""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import h11
import pytest
import uvloop
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.service.gateway import builders
from tests.service.gateway.harness import Harness, running

PREFIX = b"/acme/reading/v1"
BASE = b"/base"
SMUGGLED = (
    b"GET /acme/reading/v1/books/smuggled HTTP/1.1\r\nHost: a\r\nX-API-Key: " + builders.API_KEY.encode() + b"\r\n\r\n"
)
# Ours to say, to read, or meant for this hop only.
NOT_PASSED = {
    b"host", b"x-api-key", b"connection", b"content-length", b"transfer-encoding", b"x-request-id", b"keep-alive",
    b"te", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-client-request-id", b"expect", b"upgrade",
    b"x-named",
}  # fmt: skip


class Running:
    """The gateway in a thread of its own, so that Hypothesis can drive it with plain sockets."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.harness: Harness | None = None

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with running(self._directory, max_body_bytes=10_000) as self.harness:
            self._ready.set()
            await self._end.wait()

    def __enter__(self) -> "Running":
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)

    def send(self, raw: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        """The answer, and what the upstream received meanwhile."""
        assert self.harness is not None
        self.harness.upstream.received.clear()
        with socket.create_connection(("127.0.0.1", self.harness.port), timeout=30) as client:
            answer = b""
            try:
                client.sendall(raw)
                client.shutdown(socket.SHUT_WR)
                while data := client.recv(1 << 16):
                    answer += data
            except ConnectionError:
                pass
        return answer, list(self.harness.upstream.received)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("fuzz")) as one:
        yield one


Read = tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes]


def strictly(raw: bytes) -> list[Read]:
    """Every whole request that h11 finds, until something is wrong. Empty lines before one say nothing."""
    while raw.startswith(b"\r\n"):
        raw = raw[2:]
    reader = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 16)
    found: list[Read] = []
    try:
        reader.receive_data(raw)
        reader.receive_data(b"")
        request: h11.Request | None = None
        body = b""
        while True:
            event = reader.next_event()
            if isinstance(event, h11.Request):
                request, body = event, b""
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                found.append((request.method, request.target, list(request.headers), body))
                reader.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                reader.send(h11.EndOfMessage())
                if not (goes_on(request) or reader.our_state is reader.their_state is h11.DONE):
                    return found
                return [*found, *strictly(reader.trailing_data[0])]
            else:
                return found
    except h11.ProtocolError:
        return found


def goes_on(request: h11.Request) -> bool:
    """An HTTP/1.0 client may keep its connection by asking (RFC 9112 9.3); h11 always closes it."""
    options = [
        option.strip().lower()
        for name, value in request.headers
        if name == b"connection"
        for option in value.split(b",")
    ]
    return request.http_version == b"1.0" and b"keep-alive" in options and b"close" not in options


def is_same(read: Read, head: bytes, body: bytes) -> bool:
    """Whether what the upstream received is this request, less what the gateway owns."""
    method, target, headers, sent_body = read
    first, *lines = head.rstrip(b"\r\n").split(b"\r\n")
    passed = [(name.lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
    wanted = [(bytes(name), bytes(value)) for name, value in headers if bytes(name) not in NOT_PASSED]
    return (
        first == method + b" " + target.replace(PREFIX, BASE, 1) + b" HTTP/1.1"
        and [pair for pair in passed if pair[0] not in NOT_PASSED] == wanted
        and [name for name, _ in passed].count(b"host") == 1
        and body == sent_body
    )


header = st.one_of(
    st.sampled_from(
        [b"Accept: */*", b"X-A: b", b"X-A:  b\t", b"X-Empty:", b"X-Latin: caf\xe9", b"Connection: keep-alive",
         b"Connection: close", b"Connection: X-Named", b"X-Named: 1", b"X-Request-Id: mine", b"TE: trailers",
         b"Expect: nothing", b"X-Forwarded-For: 1.2.3.4", b"Cookie: a=b; c=d"]
    ),
    st.from_regex(rb"\AX-[A-Za-z0-9!#$%&'*+.^_`|~-]{1,8}:[ \t]?[\x21-\x7e]{0,12}\Z"),
)  # fmt: skip
payload = st.sampled_from(
    [b"", b"a", b"hello world", SMUGGLED, b"0\r\n\r\n", b"\r\n\r\n" + SMUGGLED, bytes(range(256))]
)


@st.composite
def chunked(draw: st.DrawFn) -> bytes:
    """A body in chunks, some with extensions, some with a trailer."""
    pieces = b"".join(
        b"%x%b\r\n%b\r\n" % (len(data), draw(st.sampled_from([b"", b";a", b";a=b", b';q="x"'])), data)
        for data in draw(st.lists(payload.filter(bool), max_size=3))
    )
    return pieces + b"0\r\n" + draw(st.sampled_from([b"", b"", b"X-Trailer: 1\r\n"])) + b"\r\n"


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One request, mostly whole."""
    method = draw(st.sampled_from([b"GET", b"GET", b"POST", b"PUT", b"DELETE", b"get", b"BREW"]))
    path = draw(st.sampled_from([b"/books/echo", b"/books/echo?a=1&b=%20", b"/books/x%20y", b"/books", b"/"]))
    version = draw(st.sampled_from([b"HTTP/1.1"] * 4 + [b"HTTP/1.0"]))
    lines = [method + b" " + PREFIX + path + b" " + version, b"Host: gateway.test"]
    lines += [b"X-API-Key: " + builders.API_KEY.encode(), *draw(st.lists(header, max_size=4))]
    body = b""
    framing = draw(
        st.sampled_from(["none", "none", "length", "chunked", "both", "wrong length", "two lengths", "odd coding"])
    )
    if framing in ("length", "both", "two lengths"):
        body = draw(payload)
        lines.append(b"Content-Length: %d" % len(body))
    if framing in ("chunked", "both"):
        body = draw(chunked())
        lines.append(b"Transfer-Encoding: chunked")
    if framing == "two lengths":
        lines.append(b"Content-Length: %d" % draw(st.integers(0, 20)))
    if framing == "wrong length":
        body = draw(payload)
        lines.append(b"Content-Length: " + draw(st.sampled_from([b"+1", b"0x1", b"1, 1", b"-1", b"", b"1 1", b"3"])))
    if framing == "odd coding":
        body = draw(chunked())
        coding = st.sampled_from(
            [b"Chunked", b"chunked, identity", b"gzip, chunked", b"\x0bchunked", b"chunked,", b"x"]
        )
        lines.append(b"Transfer-Encoding: " + draw(coding))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


HOSTILE = st.sampled_from(
    [b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\t", b"\0", b":", b"\x0b", b"\r\n ", b"\n\n",
     b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"\r\nContent-Length : 5", SMUGGLED]
)  # fmt: skip


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Some requests on one connection, with some bytes put in or taken out anywhere."""
    raw = b"".join(draw(st.lists(requests(), min_size=1, max_size=3)))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(raw)))
        if draw(st.booleans()):
            raw = raw[:at] + draw(HOSTILE) + raw[at:]
        else:
            raw = raw[:at] + raw[at + draw(st.integers(1, 4)) :]
    return raw


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(raw=streams())
@example(raw=b"\r\nGET /acme/reading/v1/books/echo HTTP/1.1\r\nHost: a\r\nX-API-Key: %b\r\n\r\n\r\n"
    % builders.API_KEY.encode())  # fmt: skip
@example(raw=b"POST /acme/reading/v1/books HTTP/1.1\r\nHost: a\r\nX-API-Key: %b\r\nContent-Length: 3\r\n\r\nabc%b" % (
    builders.API_KEY.encode(), SMUGGLED))  # fmt: skip
def test_at_most_what_was_sent_and_nothing_else(gateway: Running, raw: bytes) -> None:
    sent = strictly(raw)
    answer, received = gateway.send(raw)
    assert len(received) <= len(sent), (sent, received)
    rest = iter(sent)  # refused requests are missing among the received, the order stays
    for head, body in received:
        assert builders.API_KEY.encode() not in head
        assert any(is_same(read, head, body) for read in rest), f"nobody sent this: {head!r} {body!r}; sent: {sent!r}"
    assert answer.count(b"HTTP/1.1 200 ") <= len(sent)
