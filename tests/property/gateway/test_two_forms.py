"""The compiled form and the Python form of the hot path say the same about everything, and llhttp agrees with both.

Where the gateway is not compiled, both sides of the first tests are the Python form; the comparison with llhttp stays.
"""

import importlib
import mmap
import struct
from types import ModuleType
from typing import Any

import httptools
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.two_forms import as_python

from gateway.domain.framing import BadFraming


def both(name: str) -> tuple[ModuleType, ModuleType]:
    return importlib.import_module(f"gateway.{name}"), as_python(name)


OCTETS, PURE_OCTETS = both("domain.octets")
REQUEST, PURE_REQUEST = both("domain.request_head")
RESPONSE, PURE_RESPONSE = both("domain.response_head")
FRAMING, PURE_FRAMING = both("domain.framing")
WRITER, PURE_WRITER = both("adapters.record_writer")
RATE, PURE_RATE = both("domain.rate_limit")

# Bytes that mean something to a parser come often; all others sometimes.
hostile = st.lists(
    st.one_of(
        st.sampled_from(
            [b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b",", b";", b"\0", b"\x0b", b"\x7f", b"\xff", b"chunked",
             b"close", b"Content-Length", b"Transfer-Encoding", b"Host", b"Connection", b"keep-alive", b"0", b"5",
             b"+5", b"a"]
        ),
        st.binary(min_size=1, max_size=4),
    ),
    max_size=12,
).map(b"".join)  # fmt: skip
names = st.sampled_from(
    b"Host host Content-Length content-length Transfer-Encoding Connection Upgrade Expect X-Request-Id Authorization"
    b" X-API-Key X-Forwarded-For X_Request_Id Accept X-A Origin TE Trailer x-tollway-client".split()
)
values = st.one_of(
    st.sampled_from(
        [b"a", b"chunked", b"Chunked", b"gzip, chunked", b"5", b"05", b"+5", b"5, 5", b"", b"close", b"keep-alive, x-a",
         b"Upgrade", b"websocket", b"100-continue", b"Bearer x"]
    ),
    hostile,
)  # fmt: skip
lines = st.builds(
    lambda name, gap, value: name + gap + value,
    names,
    st.sampled_from([b": ", b":", b":\t ", b" : ", b"\r\n : "]),
    values,
)
targets = st.sampled_from(
    [b"/a/b/v1/c", b"/", b"*", b"http://h/a", b"http://H", b"/a b", b"/\x01", b"/a#b", b"a:80", b"//x"]
)
request_lines = st.builds(
    lambda method, gap, target, version: method + gap + target + b" " + version,
    st.sampled_from([b"GET", b"POST", b"HEAD", b"get", b"BREW", b"CONNECT", b"G@T", b""]),
    st.sampled_from([b" ", b" ", b" ", b"  ", b"\t"]),
    st.one_of(targets, hostile),
    st.sampled_from([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.2", b"http/1.1", b"HTTP/1.1 "]),
)


def head_of(first: bytes, rest: list[bytes]) -> bytes:
    """What `find` hands on: everything up to the first empty line."""
    raw = b"\r\n".join([first, *rest]) + b"\r\n\r\n"
    return raw[: raw.index(b"\r\n\r\n") + 4]


raw_requests = st.builds(head_of, st.one_of(request_lines, hostile), st.lists(st.one_of(lines, hostile), max_size=6))
raw_responses = st.builds(
    head_of,
    st.one_of(
        st.sampled_from(
            [b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 204", b"HTTP/1.1 099 x", b"HTTP/1.1 20 OK"]
        ),
        hostile,
    ),
    st.lists(st.one_of(lines, hostile), max_size=6),
)
REQUEST_FIELDS = (
    "method", "target", "http_10", "is_head", "is_websocket", "lines", "passed", "length_line", "host",
    "authorization", "api_key", "request_id", "forwarded_for", "origin", "length", "chunked",
    "close", "expect_continue", "has_body",
)  # fmt: skip
RESPONSE_FIELDS = (
    "status", "http_10", "lines", "passed", "length", "length_line", "chunked", "close", "upgrade", "framing",
)  # fmt: skip


@given(hostile)
def test_octets(raw: bytes) -> None:
    for name in ("is_token", "is_target", "split_line"):
        assert getattr(OCTETS, name)(raw) == getattr(PURE_OCTETS, name)(raw)


@given(st.lists(st.binary(max_size=30), max_size=20), st.integers(0, 40), st.integers(0, 40))
def test_pieces_of_octets(parts: list[bytes], one: int, other: int) -> None:
    whole = OCTETS.concat(parts)
    assert whole == PURE_OCTETS.concat(parts) == OCTETS.concat(tuple(parts))
    start, stop = sorted((min(one, len(whole)), min(other, len(whole))))
    assert OCTETS.part(whole, start, stop) == PURE_OCTETS.part(whole, start, stop)
    for begin in (whole[start:stop], whole[:stop], whole + b"x"):
        assert OCTETS.begins_with(whole, begin) == PURE_OCTETS.begins_with(whole, begin)


@given(raw_requests)
@example(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
def test_request_heads(raw: bytes) -> None:
    compiled, pure = REQUEST.RequestHead(), PURE_REQUEST.RequestHead()
    for _ in range(2):  # the second time from what is known
        problems = compiled.read(raw), pure.read(raw)
        assert problems[0] == problems[1]
        if problems[0] is None:
            for field in REQUEST_FIELDS:
                assert getattr(compiled, field) == getattr(pure, field), field


@given(raw_responses, st.binary(max_size=20), st.binary(max_size=20))
def test_response_heads(raw: bytes, ours: bytes, body: bytes) -> None:
    compiled, pure = RESPONSE.ResponseHead(), PURE_RESPONSE.ResponseHead()
    for _ in range(2):
        failed = []
        for head in (compiled, pure):
            try:
                assert head.read(raw + body) == raw.find(b"\r\n\r\n") + 4
                failed.append(False)
            except (BadFraming, PURE_FRAMING.BadFraming):
                failed.append(True)
        assert failed[0] == failed[1]
        if not failed[0]:
            for field in RESPONSE_FIELDS:
                assert getattr(compiled, field) == getattr(pure, field), field
            assert compiled.render(ours, b"id", b"\r\n", body) == pure.render(ours, b"id", b"\r\n", body)
            assert compiled.render_plain(ours, body) == pure.render_plain(ours, body)


@given(raw_responses, raw_responses, st.sampled_from([RESPONSE, PURE_RESPONSE]))
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", RESPONSE)
def test_a_response_is_read_alike_whatever_came_before(before: bytes, raw: bytes, form: ModuleType) -> None:
    used = form.ResponseHead()
    for one in (before, before, raw, raw):
        assert _read(used, one) == _read(form.ResponseHead(), one)
        # What a policy, and the framing of a body without an end, do to a head.
        used.lines = [b"X-Changed: by a policy"]
        used.framing = b"Transfer-Encoding: chunked\r\n"


def _read(head: Any, raw: bytes) -> list[object]:
    try:
        end = head.read(raw)
    except (BadFraming, PURE_FRAMING.BadFraming):
        return ["refused"]
    return [end, *(getattr(head, field) for field in RESPONSE_FIELDS)]


chunk_pieces = st.lists(
    st.one_of(
        st.sampled_from(
            [b"3\r\nabc\r\n", b"0\r\n\r\n", b"0\r\nA: b\r\n\r\n", b"5;x=y\r\n", b"hello\r\n", b"FFFFFFFFFFFFFFFF\r\n"]
        ),
        hostile,
    ),
    max_size=6,
)


def fed(body: object, pieces: list[bytes]) -> list[object]:
    """Where the body ended, piece by piece, until its end or a fault."""
    seen: list[object] = []
    for piece in pieces:
        try:
            seen.append(body.feed(piece))  # type: ignore[attr-defined]
        except (BadFraming, PURE_FRAMING.BadFraming):
            return [*seen, "bad"]
        if seen[-1] != -1:
            break
    return [*seen, body.payload_bytes]  # type: ignore[attr-defined]


@given(chunk_pieces)
def test_chunked_bodies(pieces: list[bytes]) -> None:
    assert fed(FRAMING.ChunkedBody(), pieces) == fed(PURE_FRAMING.ChunkedBody(), pieces)
    assert fed(FRAMING.ChunkedBody(decode=True), pieces) == fed(PURE_FRAMING.ChunkedBody(decode=True), pieces)


@given(st.lists(st.integers(0, 2**32 - 1), min_size=14, max_size=14), st.binary(min_size=16, max_size=16))
def test_call_records(numbers: list[int], request_id: bytes) -> None:
    numbers[12] %= 1 << 16
    numbers[13] %= 1 << 16
    areas = []
    for module in (WRITER, PURE_WRITER):
        area = mmap.mmap(-1, 960)
        writer = module.RecordWriter(area)
        writer.put(3, *numbers, request_id)
        writer.put(4, *numbers, request_id)
        writer.clear(4)
        time_us, subscription, application, bytes_in, bytes_out, api, operation, plan, units, *times = numbers[1:12]
        writer.open(5, time_us, subscription, application, api, operation, plan, numbers[13], request_id[:8], time_us)
        assert writer.request_id(5) == (request_id[:8] + time_us.to_bytes(8, "big")).hex().encode()
        still_open = area[:]
        writer.close(6, numbers[0], time_us, writer, 5, bytes_in, bytes_out, units, *times, numbers[12], numbers[13])
        assert area[:] != still_open
        areas.append(area[:])
        writer.release()
        area.close()
    assert areas[0] == areas[1]
    assert struct.unpack_from("<Q", areas[0], 3 * 96)[0] == numbers[0]


@given(
    st.lists(
        st.tuples(st.integers(1, 10**9), st.sampled_from([1, 60, 86_400]), st.integers(0, 10**9)),
        min_size=1,
        max_size=3,
    ),
    st.lists(st.integers(0, 10**11), max_size=20),
)
def test_rate_limits(limits: list[tuple[int, int, int]], gaps: list[int]) -> None:
    from shared.events.catalog import RateLimit

    several = [RateLimit(count=count, per_seconds=per, burst=burst) for count, per, burst in limits]
    compiled, pure = RATE.RateLimiter(several), PURE_RATE.RateLimiter(several)
    now = 10**15
    for gap in gaps:
        now += gap
        outcomes = [limiter.take(now) for limiter in (compiled, pure)]
        told = [(one.admitted, one.headers, one.retry_after_seconds) for one in outcomes]
        assert told[0] == told[1]


class Heard:
    """What llhttp makes of a request."""

    def __init__(self) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.complete = True


@given(raw_requests)
def test_what_passes_is_read_the_same_way_by_llhttp(raw: bytes) -> None:
    head = REQUEST.RequestHead()
    if head.read(raw) is not None:
        return
    heard = Heard()
    parser = httptools.HttpRequestParser(heard)
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError as error:
        pytest.fail(f"llhttp refuses what we accept: {error!r} {raw!r}")
    assert heard.complete
    assert parser.get_method() == head.method
    assert heard.url.endswith(head.target) or head.target == b"/"
    assert parser.get_http_version() == ("1.0" if head.http_10 else "1.1")
    told = dict(heard.headers)
    assert (
        told.get(b"content-length", b"-1") == (b"%d" % head.length if head.length >= 0 else b"-1")
        or int(told[b"content-length"]) == head.length
    )
    assert (b"transfer-encoding" in told) == head.chunked
    for line in head.lines:
        name, _, value = line.partition(b":")
        assert (name.lower(), value.strip(b" \t")) in heard.headers
