"""Plain TCP connections served many at a time: in the compiled form, on Linux (`socket_rounds.pyx`).

Elsewhere asyncio's transports do the same, one connection at a time; those also serve TLS everywhere.
"""

import asyncio
import socket

from gateway.domain.send_batch import SendBatch, Sender


class SocketRounds:
    """The sockets of one event loop."""

    def adopt(self, connection: socket.socket, owner: Sender) -> None:
        """Serve a connected, non-blocking socket from here on; `owner.connection_made` is called at once."""
        raise NotImplementedError

    def close(self) -> None:
        """No more rounds."""
        raise NotImplementedError


def open_rounds(loop: asyncio.AbstractEventLoop, sends: SendBatch) -> SocketRounds | None:
    """None where there are none: use asyncio's transports."""
    return None
