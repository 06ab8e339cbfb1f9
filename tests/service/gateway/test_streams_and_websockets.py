"""Long answers, events and WebSockets pass as they come; their length costs no memory."""

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import psutil
import pytest
from tests.service.gateway import builders
from tests.service.gateway.harness import HEAD_END, Harness, read_until_quiet, request, running, status
from tests.support.eventually import eventually

from shared.events.call_record import FLAG_BILLABLE

STATUS, FLAGS, BYTES_IN, BYTES_OUT, LATENCY_US = 12, 13, 4, 5, 10
MEGABYTE = 1 << 20
HANDSHAKE = (
    b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Harness]:
    async with running(tmp_path, max_body_bytes=1 << 40) as harness:
        yield harness


@contextlib.asynccontextmanager
async def upstream(gateway: Harness, handler: Handler) -> AsyncIterator[None]:
    """The API's upstream behaves as `handler` says."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    gateway.put_api(builders.api(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", version=2))
    yield
    server.close()


async def test_events_pass_one_by_one_as_they_are_sent(gateway: Harness) -> None:
    go_on = asyncio.Event()

    async def events(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(HEAD_END)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            writer.write(b"9\r\ndata: 1\n\n\r\n")
            await writer.drain()
            await go_on.wait()
            go_on.clear()
        writer.write(b"0\r\n\r\n")

    async with upstream(gateway, events):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(request())
        assert status(await reader.readuntil(HEAD_END)) == 200
        for _ in range(3):
            assert await asyncio.wait_for(reader.readuntil(b"\n\n\r\n"), 5) == b"9\r\ndata: 1\n\n\r\n"
            assert gateway.log.open_count == 1
            go_on.set()
        assert await asyncio.wait_for(reader.readuntil(HEAD_END), 5) == b"0\r\n\r\n"
        writer.close()
    assert len(gateway.records()) == 1


async def test_a_websocket_is_one_call_with_its_duration_and_bytes(gateway: Harness) -> None:
    heads: list[bytes] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(HEAD_END))
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n")
        writer.write(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello")
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()

    async with upstream(gateway, echo):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(request(headers=HANDSHAKE))
        head = await reader.readuntil(HEAD_END)
        assert status(head) == 101
        assert b"Upgrade: websocket\r\n" in head
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
        assert await reader.readexactly(5) == b"hello"
        for message in (b"GET / HTTP/1.1\r\n\r\n", b"\x81\x05abcde", b"x" * MEGABYTE):
            writer.write(message)
            assert await reader.readexactly(len(message)) == message
        assert gateway.records() == []
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
    assert b"Connection: Upgrade\r\nUpgrade: websocket\r\n" in heads[0]
    assert b"X-API-Key" not in heads[0]
    await eventually(lambda: len(gateway.records()) == 1)
    record = gateway.records()[0]
    sent = 18 + 7 + MEGABYTE
    assert (record[STATUS], record[FLAGS], record[BYTES_IN], record[BYTES_OUT]) == (101, FLAG_BILLABLE, sent, sent + 5)


async def test_a_websocket_that_is_not_asked_for_or_not_granted_is_none(gateway: Harness) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(HEAD_END)
            if b"/books/switch" in head:
                writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            else:
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")

    async with upstream(gateway, refuse):
        answer, closed = await gateway.exchange(request(headers=HANDSHAKE) + request())
        assert answer.count(b"HTTP/1.1 403 ") == 2
        assert not closed
        answer, _ = await gateway.exchange(request(b"/books/switch"))
        assert status(answer) == 502
        answer, _ = await gateway.exchange(request(headers=HANDSHAKE, credential=b""))
        assert status(answer) == 401


async def test_an_absolute_target_is_taken_for_its_path(gateway: Harness) -> None:
    raw = request().replace(b"GET /acme", b"GET http://gateway.test/acme", 1)
    answer, closed = await gateway.exchange(raw)
    assert (status(answer), closed) == (200, False)
    ((head, _),) = gateway.upstream.received
    assert head.startswith(b"GET /base/books/echo HTTP/1.1\r\n")
    assert b"X-Forwarded-Host: gateway.test\r\n" in head


@pytest.mark.parametrize("upload", [False, True])
async def test_a_hundred_megabytes_pass_in_constant_memory(gateway: Harness, upload: bool) -> None:
    """Client and upstream live in this process too: each piece that waits anywhere is counted."""
    size, piece = 100 * MEGABYTE, b"x" * (64 * 1024)

    async def pour(writer: asyncio.StreamWriter) -> None:
        for _ in range(size // len(piece)):
            writer.write(piece)
            await writer.drain()

    async def drink(reader: asyncio.StreamReader) -> int:
        taken = 0
        while taken < size:
            data = await reader.read(1 << 16)
            if not data:
                break
            taken += len(data)
        return taken

    async def bulk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(HEAD_END)
        if upload:
            assert await drink(reader) == size
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            await pour(writer)
        await writer.drain()

    async with upstream(gateway, bulk):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        before = psutil.Process().memory_info().rss
        peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if upload:
            writer.write(request(headers=b"Content-Length: %d\r\n" % size, method=b"POST"))
            await pour(writer)
            assert status(await reader.readuntil(HEAD_END)) == 200
        else:
            writer.write(request())
            assert status(await reader.readuntil(HEAD_END)) == 200
            assert await drink(reader) == size
        grown = max(
            psutil.Process().memory_info().rss - before,
            (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_before) * 1024,
        )
        writer.close()
    assert grown < 16 * MEGABYTE, f"{grown >> 20} MB more than before"
    assert gateway.records()[0][BYTES_IN if upload else BYTES_OUT] == size


async def test_a_head_may_be_32_kilobytes_and_no_more(gateway: Harness) -> None:
    answer, _ = await gateway.exchange(request(headers=b"X-Long: " + b"a" * 30_000 + b"\r\n"))
    assert status(answer) == 200
    answer, closed = await gateway.exchange(request(headers=b"X-Long: " + b"a" * 33_000 + b"\r\n"))
    assert (status(answer), closed) == (431, True)


async def test_a_reset_before_anything_is_answered_leaves_the_gateway_whole(gateway: Harness) -> None:
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(request(b"/books/big")[:-1])
        writer.transport.abort()
    answer, _ = await gateway.exchange(request())
    assert status(answer) == 200
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(request() * 3)
    answer, _ = await read_until_quiet(reader, 0.3)
    assert answer.count(b"HTTP/1.1 200 ") == 3
    writer.close()
