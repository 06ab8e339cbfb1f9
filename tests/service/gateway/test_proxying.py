"""Calls pass through unchanged but for what HTTP and the gateway own, and each leaves one record."""

import asyncio
import hashlib
import json
import os
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.service.gateway import builders
from tests.service.gateway.harness import HEAD_END, Harness, read_until_quiet, request, running, status
from tests.service.gateway.scripted_upstream import BIG, PATTERN
from tests.support.eventually import eventually

from shared.events.call_record import FLAG_BILLABLE, FLAG_CLIENT_ABORTED, FLAG_SANDBOX, FLAG_UPSTREAM_FAILED

STATUS, FLAGS, BYTES_IN, BYTES_OUT, REQUEST_ID = 12, 13, 4, 5, 14


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Harness]:
    async with running(tmp_path) as harness:
        yield harness


async def test_a_call_is_answered_recorded_and_stripped_of_its_credential(gateway: Harness) -> None:
    answer, closed = await gateway.exchange(request(b"/books/echo?a=1", b"X-Bar: 2\r\n"))
    assert status(answer) == 200
    assert not closed
    ((head, _),) = gateway.upstream.received
    assert head.startswith(b"GET /base/books/echo?a=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"X-Bar: 2" in head
    assert b"tw_live" not in head
    assert b"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n" in head
    (record,) = gateway.records()
    assert record[1:] and record[0] == 1
    assert (record[2], record[3], record[6], record[8], record[STATUS], record[FLAGS]) == (
        11,
        3,
        7,
        5,
        200,
        FLAG_BILLABLE,
    )
    assert b"X-Request-Id: " + bytes(record[REQUEST_ID]).hex().encode() in head  # type: ignore[arg-type]
    assert b"X-Request-Id: " + bytes(record[REQUEST_ID]).hex().encode() in answer  # type: ignore[arg-type]


async def test_a_bearer_token_passes_and_does_not_reach_the_upstream(gateway: Harness) -> None:
    token = gateway.key.token().encode()
    answer, _ = await gateway.exchange(request(credential=b"Authorization: Bearer " + token + b"\r\n"))
    assert status(answer) == 200
    assert b"Bearer" not in gateway.upstream.received[0][0]


async def test_hop_by_hop_headers_end_at_the_gateway_in_both_directions(gateway: Harness) -> None:
    answer, _ = await gateway.exchange(
        request(b"/books/hop", b"Connection: x-foo, keep-alive\r\nX-Foo: 1\r\nTE: trailers\r\nX-Bar: 2\r\n")
    )
    head = gateway.upstream.received[0][0]
    assert b"X-Foo" not in head
    assert b"TE:" not in head
    assert b"X-Bar: 2" in head
    assert b"X-Hop" not in answer
    assert b"Keep-Alive" not in answer
    assert b"X-Keep: 1" in answer


@pytest.mark.parametrize(
    ("version", "headers", "kept"),
    [
        (b"HTTP/1.1", b"", True),
        (b"HTTP/1.1", b"Connection: close\r\n", False),
        (b"HTTP/1.0", b"", False),
        (b"HTTP/1.0", b"Connection: keep-alive\r\n", True),
    ],
)
async def test_connections_are_kept_as_the_client_wishes(
    gateway: Harness, version: bytes, headers: bytes, kept: bool
) -> None:
    answer, closed = await gateway.exchange(request(headers=headers, version=version))
    assert status(answer) == 200
    assert closed is not kept
    assert (b"Connection: close" in answer.split(HEAD_END)[0]) is not kept or version == b"HTTP/1.0"


@pytest.mark.parametrize(
    ("kind", "version", "end", "closed"),
    [
        (b"chunked", b"HTTP/1.1", b"5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nX-T: 1\r\n\r\n", False),
        (b"chunked", b"HTTP/1.0", b"\r\n\r\nhello world", True),
        (b"eof", b"HTTP/1.1", b"5\r\nclose\r\n0\r\n\r\n", False),
        (b"eof", b"HTTP/1.0", b"\r\n\r\nuntil close", True),
        (b"v10", b"HTTP/1.1", b"\r\n\r\nabc", False),
        (b"204", b"HTTP/1.1", b"\r\n\r\n", False),
        (b"304", b"HTTP/1.1", b"\r\n\r\n", False),
        (b"103", b"HTTP/1.1", b"ok", False),
        (b"short", b"HTTP/1.1", b"only", True),
    ],
)
async def test_bodies_of_answers_keep_their_frame(
    gateway: Harness, kind: bytes, version: bytes, end: bytes, closed: bool
) -> None:
    answer, was_closed = await gateway.exchange(request(b"/books/" + kind, version=version))
    assert answer.endswith(end), answer
    assert was_closed is closed
    assert len(gateway.records()) == 1


async def test_head_answers_have_no_body_and_the_connections_stay_usable(gateway: Harness) -> None:
    answer, closed = await gateway.exchange(request(method=b"HEAD") + request(method=b"HEAD") + request())
    assert answer.count(b"Content-Length: 1234") == 2
    assert answer.count(b"HTTP/1.1 200") == 3
    assert not closed


async def test_request_bodies_arrive_whole_in_any_pieces(gateway: Harness) -> None:
    lengths = request(b"/books/echo", b"Content-Length: 3\r\n", method=b"POST", body=b"abc")
    chunks = request(
        b"/books/echo", b"Transfer-Encoding: chunked\r\n", method=b"POST", body=b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
    )
    for raw, body in ((lengths, b"abc"), (chunks, b"abcde")):
        for pieces in (
            [raw],
            [raw[i : i + 40] for i in range(0, len(raw), 40)],
            [raw[:-8], *(bytes([c]) for c in raw[-8:])],
        ):
            answer, closed = await gateway.exchange(*pieces)
            assert answer.endswith(b"--" + body), answer
            assert not closed
    assert {record[BYTES_IN] for record in gateway.records()} == {3, 5}


async def test_pipelined_requests_are_answered_in_order(gateway: Harness) -> None:
    post = request(b"/books/echo", b"Content-Length: 4\r\n", method=b"POST", body=b"pipe")
    answer, _ = await gateway.exchange(
        b"\r\n" + request(headers=b"X-P: 1\r\n") + request(b"/books/chunked") + post + request(headers=b"X-P: 4\r\n"),
        quiet=1.0,
    )
    assert answer.count(b"HTTP/1.1 200 OK") == 4
    assert answer.index(b"X-P: 1") < answer.index(b"hello") < answer.index(b"--pipe") < answer.index(b"X-P: 4")
    answer, _ = await gateway.exchange(request(b"/books/ok") * 200, quiet=1.5)
    assert answer.count(b"HTTP/1.1 200 OK") == 200
    answer, _ = await gateway.exchange(request(credential=b"") * 3000, quiet=1.5)
    assert answer.count(b"HTTP/1.1 401 ") == 3000
    assert len(gateway.records()) == 204


async def test_a_refused_request_with_a_body_leaves_the_connection_usable(gateway: Harness) -> None:
    raw = request(b"/books", b"Content-Length: 5\r\n", method=b"POST", credential=b"", body=b"abcde") + request()
    for pieces in ([raw], [raw[:-100], raw[-100:]]):
        answer, closed = await gateway.exchange(*pieces)
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert answer.count(b"HTTP/1.1 200") == 1
        assert not closed


async def test_100_continue_passes_and_a_refusal_closes(gateway: Harness) -> None:
    expecting = b"Expect: 100-continue\r\nContent-Length: 3\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(request(b"/books/echo", expecting, method=b"POST"))
    assert (await reader.readuntil(HEAD_END)).startswith(b"HTTP/1.1 100")
    writer.write(b"xyz")
    answer, _ = await read_until_quiet(reader, 0.15)
    assert answer.endswith(b"--xyz")
    writer.close()
    answer, closed = await gateway.exchange(request(b"/books", expecting, method=b"POST", credential=b""))
    assert status(answer) == 401
    assert closed


async def test_an_early_answer_ends_the_connection(gateway: Harness) -> None:
    raw = request(b"/books/early", b"Content-Length: 1000000\r\n", method=b"PUT", body=b"x" * 1000)
    answer, closed = await gateway.exchange(raw)
    assert status(answer) == 413
    assert answer.endswith(b"nope")
    assert closed
    assert b"Connection: close" in answer


async def test_a_stale_connection_is_replaced_once_and_only_for_repeatable_calls(gateway: Harness) -> None:
    for _ in range(4):
        answer, _ = await gateway.exchange(request(b"/books/once"))
        assert status(answer) == 200
    answer, _ = await gateway.exchange(
        request(b"/books/once", method=b"POST", headers=b"Content-Length: 1\r\n", body=b"x")
    )
    assert status(answer) == 502
    assert [record[STATUS] for record in gateway.records()] == [200, 200, 200, 200, 502]


async def test_a_slow_reader_gets_everything_and_the_gateway_buffers_little(gateway: Harness) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1 << 16)
    writer.write(request(b"/books/big"))
    await reader.readuntil(HEAD_END)
    (connection,) = gateway.server._connections
    await eventually(lambda: connection._write_paused)
    assert connection._transport.get_write_buffer_size() < 1 << 20
    digest = hashlib.sha256(await reader.readexactly(BIG)).digest()
    whole = PATTERN * (BIG // len(PATTERN)) + PATTERN[: BIG % len(PATTERN)]
    assert digest == hashlib.sha256(whole).digest()
    writer.write(request())
    answer, _ = await read_until_quiet(reader, 0.15)
    assert status(answer) == 200
    writer.close()
    assert next(record[BYTES_OUT] for record in gateway.records()) == BIG


async def test_a_large_upload_arrives_whole(gateway: Harness) -> None:
    data = os.urandom(5_000_000)
    raw = request(b"/books/echo", b"Content-Length: %d\r\n" % len(data), method=b"PUT", body=data)
    answer, _ = await gateway.exchange(raw, quiet=1.0)
    assert answer.endswith(hashlib.sha256(data).hexdigest().encode())


async def test_an_aborting_client_is_recorded_with_what_is_known(gateway: Harness) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(request(b"/books/big"))
    await reader.readuntil(HEAD_END)
    writer.transport.abort()
    await eventually(lambda: len(gateway.records()) == 1)
    assert gateway.records()[0][STATUS : FLAGS + 1] == (200, FLAG_CLIENT_ABORTED | FLAG_BILLABLE)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(request(b"/books/silent"))
    await eventually(lambda: gateway.log.open_count == 1)
    # A reset: a mere end of the sending side would still want its answer.
    socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())).setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    writer.transport.abort()
    await eventually(lambda: len(gateway.records()) == 2)
    assert gateway.records()[1][STATUS : FLAGS + 1] == (499, FLAG_CLIENT_ABORTED)
    assert gateway.log.open_count == 0


async def test_a_cut_answer_is_recorded_unbilled(gateway: Harness) -> None:
    await gateway.exchange(request(b"/books/short"))
    assert gateway.records()[0][STATUS : FLAGS + 1] == (200, FLAG_UPSTREAM_FAILED)


async def test_a_client_that_closes_its_sending_side_is_answered(gateway: Harness) -> None:
    answer, closed = await gateway.exchange(request(), half_close=True)
    assert status(answer) == 200
    assert closed


async def test_a_silent_upstream_times_out_with_504(gateway: Harness) -> None:
    gateway.put_api(builders.api(f"http://127.0.0.1:{gateway.upstream.port}", version=2, timeout_ms=50))

    async def sweep() -> None:
        while True:
            await asyncio.sleep(0.02)
            gateway.pool.sweep()

    sweeping = asyncio.get_running_loop().create_task(sweep())
    answer, _ = await gateway.exchange(request(b"/books/silent"), quiet=0.5)
    sweeping.cancel()
    assert status(answer) == 504
    assert gateway.records()[0][STATUS] == 504


async def test_an_unreachable_upstream_is_502(gateway: Harness) -> None:
    gateway.put_api(builders.api("http://127.0.0.1:1", version=2))
    answer, _ = await gateway.exchange(request())
    assert status(answer) == 502
    assert json.loads(answer.split(HEAD_END)[1])["type"] == "http://portal.test/problems/upstream-unreachable"


async def test_sandbox_calls_are_recorded_and_never_billed(gateway: Harness) -> None:
    answer, _ = await gateway.exchange(request(prefix=b"/dev/acme/reading/v1", credential=b"apikey: sandbox\r\n"))
    assert status(answer) == 200
    assert gateway.records()[0][FLAGS] == FLAG_SANDBOX


async def test_an_offered_upgrade_is_ignored(gateway: Harness) -> None:
    headers = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\nContent-Length: 3\r\n"
    answer, closed = await gateway.exchange(request(headers=headers, method=b"POST", body=b"abc") + request())
    assert answer.count(b"HTTP/1.1 200") == 2
    assert not closed
    assert b"h2c" not in gateway.upstream.received[0][0]


async def test_a_body_over_the_bound_is_413(tmp_path: Path) -> None:
    async with running(tmp_path, max_body_bytes=10) as gateway:
        answer, _ = await gateway.exchange(
            request(b"/books", b"Content-Length: 11\r\n", method=b"POST", body=b"x" * 11)
        )
        assert status(answer) == 413
        assert gateway.upstream.received == []
        chunked = request(b"/books", b"Transfer-Encoding: chunked\r\n", method=b"POST", body=b"b\r\n" + b"x" * 11)
        answer, closed = await gateway.exchange(chunked)
        assert (status(answer), closed) == (413, True)
