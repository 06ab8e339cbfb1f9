"""A message that two servers could frame differently is refused: one answer, then the connection is closed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.service.gateway.harness import Harness, request, running, status


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Harness]:
    async with running(tmp_path) as harness:
        yield harness


HEADERS_REFUSED = {
    "content-length and transfer-encoding": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
    "transfer-encoding and content-length": b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
    "content-length twice": b"Content-Length: 3\r\nContent-Length: 3\r\n",
    "two content-lengths": b"Content-Length: 3\r\nContent-Length: 4\r\n",
    "content-length list": b"Content-Length: 3, 3\r\n",
    "content-length plus": b"Content-Length: +3\r\n",
    "content-length minus": b"Content-Length: -3\r\n",
    "content-length hex": b"Content-Length: 0x3\r\n",
    "content-length empty": b"Content-Length: \r\n",
    "content-length space": b"Content-Length: 3 3\r\n",
    "content-length vertical tab": b"Content-Length: \x0b3\r\n",
    "content-length huge": b"Content-Length: 99999999999999999999\r\n",
    "folded": b"X-A: b\r\n c\r\n",
    "folded content-length": b"X-A: b\r\n\tContent-Length: 3\r\n",
    "space before colon": b"Content-Length : 3\r\n",
    "space before colon of coding": b"Transfer-Encoding : chunked\r\n",
    "bare lf": b"X-A: b\nContent-Length: 3\r\n",
    "bare cr": b"X-A: b\rContent-Length: 3\r\n",
    "nul": b"X-A: b\x00\r\n",
    "no name": b": b\r\n",
    "no colon": b"abc\r\n",
    "coding twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "second host": b"Host: evil\r\n",
    "second api key": b"X-API-Key: other\r\n",
    "two credentials in a row": b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n",
    "name with letters beyond ascii": "Content-Léngth: 3\r\n".encode(),
    "unknown coding": b"Transfer-Encoding: xchunked\r\n",
    "list of codings": b"Transfer-Encoding: gzip, chunked\r\n",
    "identity coding": b"Transfer-Encoding: identity\r\n",
    "coding with vertical tab": b"Transfer-Encoding: \x0bchunked\r\n",
    "coding with comma": b"Transfer-Encoding: chunked,\r\n",
}


@pytest.mark.parametrize("name", HEADERS_REFUSED)
async def test_ambiguous_framing_in_headers_is_refused(gateway: Harness, name: str) -> None:
    smuggled = request(b"/books/smuggled")
    raw = request(method=b"POST", path=b"/books", headers=HEADERS_REFUSED[name], body=b"abc" + smuggled)
    answer, closed = await gateway.exchange(raw)
    assert status(answer) == (501 if "coding" in name and status(answer) == 501 else 400), answer
    assert closed
    assert answer.count(b"HTTP/1.1 ") == 1
    assert gateway.upstream.received == []


LINES_REFUSED = {
    "lf only": (400, b"GET /acme/reading/v1/books HTTP/1.1\nHost: a\nX-API-Key: tw_live_key-1\n\n"),
    "two spaces": (400, b"GET  /acme/reading/v1/books HTTP/1.1\r\nHost: a\r\n\r\n"),
    "tab": (400, b"GET\t/acme/reading/v1/books HTTP/1.1\r\nHost: a\r\n\r\n"),
    "absolute form with another host": (400, b"GET http://b/acme/reading/v1/books HTTP/1.1\r\nHost: a\r\n\r\n"),
    "absolute form with user": (400, b"GET http://u@a/acme/reading/v1/books HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    "absolute form of another scheme": (400, b"GET ftp://a/acme/reading/v1/books HTTP/1.1\r\nHost: a\r\n\r\n"),
    "asterisk": (400, b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
    "connect": (501, b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"),
    "control character": (400, b"GET /acme/reading/v1/\x01 HTTP/1.1\r\nHost: a\r\n\r\n"),
    "http 0.9": (400, b"GET /acme/reading/v1/books\r\nHost: a\r\n\r\n"),
    "no host": (400, b"GET /acme/reading/v1/books HTTP/1.1\r\nX-API-Key: tw_live_key-1\r\n\r\n"),
    "http 2": (505, b"GET /acme/reading/v1/books HTTP/2.0\r\nHost: a\r\n\r\n"),
    "http 1.2": (505, b"GET /acme/reading/v1/books HTTP/1.2\r\nHost: a\r\n\r\n"),
    "unknown method": (501, b"BREW /acme/reading/v1/books HTTP/1.1\r\nHost: a\r\n\r\n"),
    "chunked in http 1.0": (
        400,
        b"POST /acme/reading/v1/books HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "tls hello": (400, b"\x16\x03\x01\x02\x00\x01\n\n\r\n\r\n"),
    "too many headers": (
        431,
        b"GET /acme/reading/v1/books HTTP/1.1\r\nHost: a\r\n"
        + b"".join(b"X-%d: 1\r\n" % i for i in range(200))
        + b"\r\n",
    ),
    "endless head": (431, b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000),
}


@pytest.mark.parametrize("name", LINES_REFUSED)
async def test_malformed_request_lines_and_heads_are_refused(gateway: Harness, name: str) -> None:
    expected, raw = LINES_REFUSED[name]
    answer, closed = await gateway.exchange(raw)
    assert (status(answer), closed) == (expected, True), answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"application/problem+json" in answer
    assert gateway.upstream.received == []


PATHS_REFUSED = (
    b"/books/../admin", b"/books/./x", b"/books//x", b"/books/..", b"/books/%2e%2e/x", b"/books/%2E", b"/books/a%2fb",
    b"/books/a%5Cb", b"/books/%00", b"/books/%zz", b"/books/%4", b"/books/..;x/y", b"/books/%252e", b"/books/a%3bb",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS_REFUSED)
async def test_paths_that_an_upstream_may_read_differently_are_refused(gateway: Harness, path: bytes) -> None:
    answer, _ = await gateway.exchange(request(path))
    assert status(answer) == 400
    assert b"malformed-path" in answer
    assert gateway.upstream.received == []


CHUNKS_REFUSED = {
    "bare lf after size": b"3\nabc\r\n0\r\n\r\n",
    "negative": b"-1\r\n",
    "0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "plus": b"+3\r\nabc\r\n0\r\n\r\n",
    "missing crlf": b"3\r\nabcd\r\n0\r\n\r\n",
    "lf in extension": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "cr in extension": b"3;a\rb\r\nabc\r\n0\r\n\r\n",
    "content-length in trailer": b"0\r\nContent-Length: 5\r\n\r\n",
    "credential in trailer": b"0\r\nAuthorization: Bearer a\r\n\r\n",
    "folded trailer": b"0\r\nA: b\r\n c\r\n\r\n",
    "underscore": b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n",
    "too large": b"FFFFFFFFFFFFFFFFF\r\nabc",
    "space before extension": b"3 ;a\r\nabc\r\n0\r\n\r\n",
    "space after size": b"3 \r\nabc\r\n0\r\n\r\n",
    "endless extension": b"3;" + b"a" * 5000,
    "bare lf at the end": b"3\r\nabc\r\n0\r\n\n",
}


@pytest.mark.parametrize("name", CHUNKS_REFUSED)
async def test_faulty_chunks_are_refused(gateway: Harness, name: str) -> None:
    raw = request(
        b"/books",
        b"Transfer-Encoding: chunked\r\n",
        method=b"POST",
        body=CHUNKS_REFUSED[name] + request(b"/books/evil"),
    )
    answer, closed = await gateway.exchange(raw)
    assert (status(answer), closed) == (400, True), answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert all(b"evil" not in head for head, _ in gateway.upstream.received)


RESPONSES_REFUSED = ("both", "fold", "twolengths", "gzipcoding", "barelf", "garbage", "nothing", "101")


@pytest.mark.parametrize("kind", RESPONSES_REFUSED)
async def test_ambiguous_responses_become_502(gateway: Harness, kind: str) -> None:
    answer, _ = await gateway.exchange(request(b"/books/" + kind.encode()))
    assert status(answer) == 502, answer
    assert b"upstream-unreachable" in answer
    assert len(gateway.records()) == 1


async def test_bytes_after_a_refused_request_are_never_parsed(gateway: Harness) -> None:
    raw = request(
        b"/books",
        b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        method=b"POST",
        body=b"0\r\n\r\n" + request(b"/books/evil"),
    )
    answer, closed = await gateway.exchange(raw, request(b"/books/evil"))
    assert answer.count(b"HTTP/1.1 ") == 1
    assert closed
    assert gateway.upstream.received == []


async def test_surplus_bytes_of_an_answer_reach_nobody(gateway: Harness) -> None:
    for _ in range(3):
        answer, _ = await gateway.exchange(request(b"/books/extra"))
        assert answer.endswith(b"ok")
        assert b"EVIL" not in answer
        answer, _ = await gateway.exchange(request())
        assert status(answer) == 200
        assert b"EVIL" not in answer


async def test_a_chunked_answer_with_a_fault_is_cut_and_never_completed(gateway: Harness) -> None:
    answer, closed = await gateway.exchange(request(b"/books/badchunk"))
    assert closed
    assert not answer.endswith(b"0\r\n\r\n")


async def test_headers_that_imitate_ours_do_not_reach_the_upstream(gateway: Harness) -> None:
    headers = b"X_Forwarded_Proto: https\r\nX-Forwarded-Host: evil\r\nForwarded: for=evil\r\nX-Request-Id: mine\r\n"
    await gateway.exchange(request(headers=headers))
    ((head, _),) = gateway.upstream.received
    assert b"evil" not in head
    assert b"https" not in head
    assert b"X-Client-Request-Id: mine" in head
    assert b"X-Request-Id: mine" not in head
