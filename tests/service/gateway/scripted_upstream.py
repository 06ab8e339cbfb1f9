"""An upstream that behaves as the last segment of the path says, most of the time badly."""

import asyncio
import contextlib
import hashlib

BIG = 8_000_000
PATTERN = bytes(range(256)) * 256

ANSWERS = {
    b"v10": b"HTTP/1.0 200 OK\r\nX-A: b\r\nContent-Length: 3\r\n\r\nabc",
    b"204": b"HTTP/1.1 204 No Content\r\n\r\n",
    b"304": b'HTTP/1.1 304 Not Modified\r\nContent-Length: 777\r\nETag: "x"\r\n\r\n',
    b"103": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    b"short": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly",
    b"both": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"fold": b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    b"twolengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    b"gzipcoding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"barelf": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok\r\n\r\n",
    b"garbage": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    b"extra": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL",
    b"badchunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
    b"hop": b"HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nX-Keep: 1\r\n"
    b"Content-Length: 2\r\n\r\nok",
    b"closeafter": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"teapot": b"HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n",
    b"ok": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
}
THEN_CLOSE = {b"v10", b"short", b"closeafter", b"garbage", b"barelf"}


class ScriptedUpstream:
    """Serves until closed; `received` holds every request's head and body."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, bytes]] = []
        self.script = b""  # the answer to `scripted`
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", port, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.close()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        count = 0
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                count += 1
                if not await self._answer(reader, writer, head, count):
                    break
        self._writers.discard(writer)
        writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes, count: int
    ) -> bool:
        method, target, _ = head.split(b"\r\n")[0].split(b" ")
        kind = target.split(b"?")[0].rsplit(b"/", 1)[1]
        if kind == b"scripted":
            self.received.append((head, await self._body(reader, writer, head)))
            writer.write(self.script)
            await writer.drain()
            return True
        if kind == b"early":
            self.received.append((head, b""))
            writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nnope")
            await writer.drain()
            await reader.read()
            return False
        body = await self._body(reader, writer, head)
        self.received.append((head, body))
        if kind == b"nothing" or (kind == b"once" and count > 1):
            return False
        if kind == b"silent":
            await reader.read()
            return False
        if method == b"HEAD":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
        elif kind in ANSWERS:
            writer.write(ANSWERS[kind])
        else:
            await self._stream(writer, kind, head, body)
        await writer.drain()
        return kind not in THEN_CLOSE and kind != b"eof"

    async def _stream(self, writer: asyncio.StreamWriter, kind: bytes, head: bytes, body: bytes) -> None:
        if kind == b"chunked":
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            for piece in (b"6;ext=1\r\n wor", b"ld\r\n0\r", b"\nX-T: 1\r\n\r\n"):
                await writer.drain()
                await asyncio.sleep(0.01)
                writer.write(piece)
        elif kind == b"eof":
            writer.write(b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nuntil ")
            await writer.drain()
            await asyncio.sleep(0.01)
            writer.write(b"close")
        elif kind == b"big":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG)
            sent = 0
            while sent < BIG:
                piece = PATTERN[: min(len(PATTERN), BIG - sent)]
                writer.write(piece)
                sent += len(piece)
                await writer.drain()
        elif kind == b"once":
            writer.write(ANSWERS[b"ok"])
        else:
            info = head + b"--" + (body if len(body) < 100_000 else hashlib.sha256(body).hexdigest().encode())
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(info) + info)

    async def _body(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> bytes:
        lower = head.lower()
        if b"\r\nexpect: 100-continue\r\n" in lower:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if b"\r\ntransfer-encoding: chunked\r\n" in lower:
            body = b""
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
            while await reader.readuntil(b"\r\n") != b"\r\n":
                continue
            return body
        for line in lower.split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return await reader.readexactly(int(line.partition(b":")[2]))
        return b""
