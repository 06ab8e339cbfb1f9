"""The TCP connections of one worker: plain ones in rounds where there are any, all others as asyncio makes them."""

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Callable
from typing import cast

import structlog

from gateway.adapters.socket_rounds import open_rounds
from gateway.domain.stream import StreamOwner

log = structlog.get_logger()

BACKLOG = 4096
ACCEPTED_AT_ONCE = 64
# Descriptors or memory ran out: asyncio waits as long before it accepts again.
PAUSE_SECONDS = 1.0
_EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


def _protocol(owner: StreamOwner) -> asyncio.Protocol:
    # A protocol by its methods: asyncio's class adds nothing to them but a cost for each connection.
    return cast(asyncio.Protocol, owner)


class Sockets:
    """Accepts and connects."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rounds = open_rounds(self._loop)

    async def connect(self, address: str, port: int, owner: StreamOwner, tls: ssl.SSLContext | None, name: str) -> None:
        """To an IP address; `name`: whose certificate is expected. Raises OSError or ssl.SSLError."""
        if self._rounds is None or tls is not None:
            await self._loop.create_connection(
                lambda: _protocol(owner), address, port, ssl=tls, server_hostname=name if tls is not None else None
            )
            return
        connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            await self._loop.sock_connect(connection, (address, port))
            self._take(connection, owner)
        except BaseException:
            connection.close()
            raise

    async def take_accepted(
        self, connection: socket.socket, make_owner: Callable[[], StreamOwner], tls: ssl.SSLContext | None
    ) -> None:
        """Serve a client who was accepted elsewhere. Raises OSError when it is gone already."""
        connection.setblocking(False)
        if self._rounds is None or tls is not None:
            await self._loop.connect_accepted_socket(lambda: _protocol(make_owner()), connection, ssl=tls)
        else:
            self._take(connection, make_owner())

    def _take(self, connection: socket.socket, owner: StreamOwner) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._rounds is not None:
            self._rounds.adopt(connection, owner)

    async def serve(
        self, listener: socket.socket, make_owner: Callable[[], StreamOwner], tls: ssl.SSLContext | None
    ) -> Callable[[], None]:
        """Accept from `listener`, which is ours from here on, until the function that is returned is called."""
        if self._rounds is None or tls is not None:
            server = await self._loop.create_server(
                lambda: _protocol(make_owner()), sock=listener, backlog=BACKLOG, ssl=tls
            )
            return server.close
        listener.listen(BACKLOG)
        listener.setblocking(False)
        door = _Door(self._loop, listener, lambda connection: self._take(connection, make_owner()))
        return door.close

    def close(self) -> None:
        """Nothing comes or goes any more."""
        if self._rounds is not None:
            self._rounds.close()


class _Door:
    """A listening socket whose clients are taken as they come."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, listener: socket.socket, take: Callable[[socket.socket], None]
    ) -> None:
        self._loop, self._listener, self._take = loop, listener, take
        self._pause: asyncio.TimerHandle | None = None
        self._open()

    def _open(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                connection, _ = self._listener.accept()
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    log.error("no connection can be accepted for now", error=str(error))
                    self._loop.remove_reader(self._listener.fileno())
                    self._pause = self._loop.call_later(PAUSE_SECONDS, self._open)
                return  # nobody waits, or the one who waited is gone
            connection.setblocking(False)
            try:
                self._take(connection)
            except OSError:
                with contextlib.suppress(OSError):
                    connection.close()  # gone already

    def close(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
        else:
            self._loop.remove_reader(self._listener.fileno())
        self._listener.close()
