"""Bodies of any size pass both ways in constant memory: a gateway process, an upstream and a client that count bytes.

256 MiB each way; TOLLWAY_LARGE_BODY_MIB=1024 for the full gigabyte.
"""

import asyncio
import os
import secrets
from pathlib import Path

import psutil
from tests.service.gateway import builders
from tests.service.gateway.gateway_process import Bus, GatewayProcess

from shared.events.call_record import FLAG_BILLABLE

SIZE = int(os.environ.get("TOLLWAY_LARGE_BODY_MIB", "256")) << 20
PIECE = bytes(range(256)) * 256
GROWTH_BYTES = 48 << 20
BYTES_IN, BYTES_OUT, STATUS, FLAGS = 4, 5, 12, 13


async def send_pieces(writer: asyncio.StreamWriter, size: int, *, chunked: bool) -> None:
    for _ in range(size // len(PIECE)):
        writer.write(b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if chunked else PIECE)
        await writer.drain()
    if chunked:
        writer.write(b"0\r\n\r\n")
    await writer.drain()


async def count_pieces(reader: asyncio.StreamReader, size: int) -> None:
    """Raises AssertionError where a byte differs."""
    for _ in range(size // len(PIECE)):
        assert await reader.readexactly(len(PIECE)) == PIECE


async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads a body of SIZE, if it is told of one, and answers with one."""
    while head := await reader.readuntil(b"\r\n\r\n"):
        if b"content-length: %d" % SIZE in head.lower():
            await count_pieces(reader, SIZE)
        chunked = b"/books/chunked" in head
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % SIZE
        writer.write(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")
        await send_pieces(writer, SIZE, chunked=chunked)


async def call(port: int, method: bytes, path: bytes, *, body: bool) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    framing = b"Content-Length: %d\r\n" % SIZE if body else b""
    writer.write(
        b"%b /acme/reading/v1/books%b HTTP/1.1\r\nHost: a\r\nX-API-Key: %b\r\n%b\r\n"
        % (method, path, builders.API_KEY.encode(), framing)
    )
    if body:
        await send_pieces(writer, SIZE, chunked=False)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    if b"chunked" in head.lower():
        for _ in range(SIZE // len(PIECE)):
            assert await reader.readuntil(b"\r\n") == b"%x\r\n" % len(PIECE)
            assert await reader.readexactly(len(PIECE) + 2) == PIECE + b"\r\n"
        assert await reader.readexactly(5) == b"0\r\n\r\n"
    else:
        await count_pieces(reader, SIZE)
    writer.close()


async def highest(process: psutil.Process, done: asyncio.Event) -> int:
    """The most memory that the process held, looked at a hundred times a second."""
    most = 0
    while not done.is_set():
        most = max(most, process.memory_info().rss)
        await asyncio.sleep(0.01)
    return most


async def test_bodies_pass_both_ways_in_constant_memory(kafka_bootstrap: str, tmp_path: Path) -> None:
    bus = Bus(kafka_bootstrap, f"t{secrets.token_hex(4)}.")
    await bus.create_topics()
    key = builders.SigningKey()
    server = await asyncio.start_server(upstream, "127.0.0.1", 0, limit=1 << 20)
    await bus.publish_everything(key, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    gateway = GatewayProcess(bus, tmp_path, max_body_bytes=SIZE)
    try:
        await gateway.start()
        process = psutil.Process(gateway.pid)
        before = process.memory_info().rss
        done = asyncio.Event()
        watching = asyncio.create_task(highest(process, done))
        await call(gateway.port, b"PUT", b"/any", body=True)
        await call(gateway.port, b"GET", b"/chunked", body=False)
        done.set()
        most = await watching
        print(f"{SIZE >> 20} MiB each way: {before >> 20} MiB before, {most >> 20} MiB at most")
        assert most - before < GROWTH_BYTES
    finally:
        await gateway.stop()
        server.close()
    calls = sorted((await bus.calls()).values(), key=lambda call: call[0])  # type: ignore[arg-type, return-value]
    assert [(call[BYTES_IN], call[BYTES_OUT], call[STATUS], call[FLAGS]) for call in calls] == [
        (SIZE, SIZE, 200, FLAG_BILLABLE),
        (0, SIZE, 200, FLAG_BILLABLE),
    ]
