"""Connections in rounds and connections as asyncio makes them: a protocol cannot tell them apart."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.support.eventually import eventually
from tests.support.two_forms import as_python

from gateway.adapters.sockets import Sockets
from gateway.domain.stream import StreamOwner

pytestmark = pytest.mark.service

MEGABYTE = 1 << 20


class Recorder(StreamOwner):
    """Notes what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.transport: Any = None
        self.received = b""
        self.told: list[str] = []
        self.error: Exception | None = None
        self.keeps_half_open = False
        self.fails_on = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.told.append("made")

    def data_received(self, data: bytes) -> None:
        if self.fails_on and self.fails_on in data:
            raise RuntimeError("a protocol's fault")
        self.received += data

    def eof_received(self) -> bool:
        self.told.append("eof")
        return self.keeps_half_open

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append("lost")
        self.error = exc

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")


class Pair:
    """A served client: its recorder, and the client's blocking socket."""

    def __init__(self, sockets: Sockets) -> None:
        self.sockets = sockets
        self.recorders: list[Recorder] = []
        self.stop: Any = None
        self.address: Any = None

    def _accept(self) -> Recorder:
        self.recorders.append(Recorder())
        return self.recorders[-1]

    async def open(self) -> None:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.address = listener.getsockname()
        self.stop = await self.sockets.serve(listener, self._accept, None)

    async def client(self) -> tuple[socket.socket, Recorder]:
        before = len(self.recorders)
        client = await asyncio.to_thread(socket.create_connection, self.address)
        await eventually(lambda: len(self.recorders) > before and bool(self.recorders[-1].told))
        return client, self.recorders[-1]


@pytest.fixture(params=["rounds", "rounds in Python", "asyncio"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    sockets = Sockets()
    if request.param != "rounds":
        sockets.close()
        sockets._rounds = None
    if request.param == "rounds in Python":
        sockets._rounds = as_python("adapters.socket_rounds").open_rounds(asyncio.get_running_loop())
    if request.param != "asyncio" and sockets._rounds is None:
        pytest.skip("this is not Linux")
    pair = Pair(sockets)
    await pair.open()
    yield pair
    pair.stop()
    for recorder in pair.recorders:
        recorder.transport.abort()
    await asyncio.sleep(0)
    sockets.close()


@pytest.fixture
def in_rounds(pair: Pair) -> Pair:
    if pair.sockets._rounds is None:
        pytest.skip("asyncio's transports do this in their own way")
    return pair


async def read_all(client: socket.socket) -> bytes:
    def read() -> bytes:
        pieces = []
        with contextlib.suppress(ConnectionResetError):
            while piece := client.recv(65536):
                pieces.append(piece)
        return b"".join(pieces)

    return await asyncio.to_thread(read)


async def test_more_than_one_read_holds_arrives_whole(pair: Pair) -> None:
    client, recorder = await pair.client()
    data = bytes(range(256)) * 4096 * 3
    await asyncio.to_thread(client.sendall, data)
    await eventually(lambda: len(recorder.received) == len(data))
    assert recorder.received == data
    assert recorder.transport.get_extra_info("peername")[:2] == client.getsockname()[:2]
    client.close()


async def test_a_request_and_the_end_of_sending_at_once(pair: Pair) -> None:
    client, recorder = await pair.client()
    recorder.keeps_half_open = True
    recorder.transport.pause_reading()
    client.sendall(b"all I have to say")
    client.shutdown(socket.SHUT_WR)
    recorder.transport.resume_reading()
    await eventually(lambda: "eof" in recorder.told)
    assert recorder.received == b"all I have to say"
    recorder.transport.write(b"answer")
    recorder.transport.write_eof()
    assert await read_all(client) == b"answer"
    recorder.transport.close()
    await eventually(lambda: recorder.told == ["made", "eof", "lost"])
    client.close()


async def test_who_takes_no_end_is_closed(pair: Pair) -> None:
    client, recorder = await pair.client()
    client.close()
    await eventually(lambda: recorder.told == ["made", "eof", "lost"])
    assert recorder.error is None


async def test_a_slow_reader_pauses_and_resumes_and_gets_everything(pair: Pair) -> None:
    client, recorder = await pair.client()
    data = b"0123456789abcdef" * (MEGABYTE // 2)
    recorder.transport.write(data)
    recorder.transport.write(b"the end")
    assert recorder.told == ["made", "pause"]
    assert recorder.transport.get_write_buffer_size() > MEGABYTE
    recorder.transport.close()
    assert recorder.transport.is_closing()
    assert await read_all(client) == data + b"the end"
    await eventually(lambda: recorder.told == ["made", "pause", "resume", "lost"])
    client.close()


async def test_what_is_left_with_the_peer_is_read_later(pair: Pair) -> None:
    client, recorder = await pair.client()
    recorder.transport.pause_reading()
    client.sendall(b"one ")
    other, probe = await pair.client()  # as proof that rounds went by
    other.sendall(b"x")
    await eventually(lambda: probe.received == b"x")
    assert recorder.received == b""
    client.sendall(b"two")
    recorder.transport.resume_reading()
    await eventually(lambda: recorder.received == b"one two")
    client.close()
    other.close()


async def test_a_reset_is_told(pair: Pair) -> None:
    client, recorder = await pair.client()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    await eventually(lambda: "lost" in recorder.told)
    assert isinstance(recorder.error, ConnectionResetError)


async def test_abort_tells_later_and_once(pair: Pair) -> None:
    client, recorder = await pair.client()
    recorder.transport.abort()
    recorder.transport.abort()
    assert recorder.told == ["made"]
    await eventually(lambda: "lost" in recorder.told)
    assert recorder.told == ["made", "lost"]
    assert await read_all(client) == b""
    client.close()


async def test_one_protocols_fault_is_no_others(pair: Pair) -> None:
    seen: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context))
    client, recorder = await pair.client()
    recorder.fails_on = b"poison"
    other, healthy = await pair.client()
    client.sendall(b"poison")
    other.sendall(b"fine")
    await eventually(lambda: "lost" in recorder.told and healthy.received == b"fine")
    assert isinstance(seen[0]["exception"], RuntimeError)
    client.close()
    other.close()


async def test_what_is_written_soon_leaves_and_keeps_its_place(in_rounds: Pair) -> None:
    client, recorder = await in_rounds.client()
    recorder.transport.write_soon(b"sent with the others")
    assert await asyncio.to_thread(client.recv, 100) == b"sent with the others"
    recorder.transport.write_soon(b"one ")
    recorder.transport.write_soon(b"two ")
    recorder.transport.write(b"three ")
    recorder.transport.write_soon(b"four")
    recorder.transport.write_eof()
    assert await read_all(client) == b"one two three four"
    client.close()


async def test_what_is_written_soon_leaves_before_the_end(in_rounds: Pair) -> None:
    client, recorder = await in_rounds.client()
    recorder.transport.write_soon(b"the last words")
    recorder.transport.close()
    recorder.transport.write_soon(b" come too late")
    assert await read_all(client) == b"the last words"
    await eventually(lambda: recorder.told == ["made", "lost"])
    client.close()


async def test_connects_and_says_when_nobody_is_there(pair: Pair) -> None:
    owner = Recorder()
    await pair.sockets.connect(*pair.address, owner, None, "")
    await eventually(lambda: len(pair.recorders) == 1 and bool(pair.recorders[0].told))
    owner.transport.write(b"hello")
    await eventually(lambda: pair.recorders[0].received == b"hello")
    owner.transport.abort()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="111"):
            await pair.sockets.connect("127.0.0.1", unused.getsockname()[1], Recorder(), None, "")


async def test_who_fails_at_the_start_has_no_connection(in_rounds: Pair) -> None:
    pair = in_rounds

    class Failing(Recorder):
        def connection_made(self, transport: Any) -> None:
            raise RuntimeError("not now")

    owner = Failing()
    with pytest.raises(RuntimeError, match="not now"):
        await pair.sockets.connect(*pair.address, owner, None, "")
    await eventually(lambda: owner.told == ["lost"] and len(pair.recorders) == 1)
    await eventually(lambda: "lost" in pair.recorders[0].told)


async def test_many_connections_come_and_go(pair: Pair) -> None:
    clients = [await asyncio.to_thread(socket.create_connection, pair.address) for _ in range(200)]
    for number, client in enumerate(clients):
        client.sendall(b"%d" % number)
    await eventually(lambda: len(pair.recorders) == 200 and all(one.received for one in pair.recorders))
    assert sorted(int(one.received) for one in pair.recorders) == list(range(200))
    for client in clients:
        client.close()
    await eventually(lambda: all("lost" in one.told for one in pair.recorders))
    # Numbers of descriptors come again: nothing of the old connections may reach the new ones.
    again, recorder = await pair.client()
    again.sendall(b"new")
    await eventually(lambda: recorder.received == b"new")
    again.close()
