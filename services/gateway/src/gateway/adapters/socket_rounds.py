"""Plain TCP connections, served in rounds: what asyncio's transports do for one, done for all that are ready at once.

An edge-triggered epoll set of our own, which asyncio's loop watches as a single descriptor. When something is ready,
everything that is ready is read and worked on, then what was written is sent, and the loop goes on.

Protocols see what they know from asyncio: the same methods in the same order, `connection_lost` never from within a
call of theirs, flow control by `pause_writing` and `resume_writing`. `socket_rounds.pyx` does the same in C.
"""

import asyncio
import contextlib
import select
import socket
from collections import deque
from typing import Any, cast

from gateway.domain.stream import Stream, StreamOwner
from gateway.ticks import end_round, start_round

_READY_ROOM = 256  # events of one turn
_READ_ROOM = 64 * 1024  # bytes of one read
_TURNS = 4  # of one round; then the loop's other work has its turn
_FEW = 3  # events in a turn: fewer, and the next turn would mostly find none, which the loop finds out as well
_HIGH_WATER = 64 * 1024  # bytes that wait for a peer; asyncio's defaults
_LOW_WATER = 16 * 1024

IS_SUPPORTED = hasattr(select, "epoll")
if IS_SUPPORTED:
    _WRITABLE = select.EPOLLOUT
    _HUNG_UP = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
    _READABLE = select.EPOLLIN | _HUNG_UP
    _MORE_TO_READ = select.EPOLLIN
    _WATCHED = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET


class SocketStream(Stream):
    """One connection; asyncio.Transport's methods, as far as they are used here."""

    __slots__ = (
        "_again", "_closing", "_descriptor", "_ended", "_hung_up", "_owner", "_paused", "_peer", "_queue", "_queued",
        "_readable", "_receive", "_rounds", "_send", "_shut", "_socket", "_soon", "_write_paused",
    )  # fmt: skip

    def __init__(self, rounds: "SocketRounds", connection: socket.socket, owner: StreamOwner) -> None:
        super().__init__()
        self._rounds = rounds
        self._socket: socket.socket | None = connection
        self._descriptor = connection.fileno()
        self._receive, self._send = connection.recv, connection.send
        self._owner: Any = owner
        self._peer = connection.getpeername()
        self._soon = b""
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._again = self._closing = self._ended = self._hung_up = self._paused = False
        self._readable = self._shut = self._write_paused = False

    def write(self, data: bytes) -> None:
        """Send, after what `write_soon` kept, or keep what the peer does not take yet."""
        if self._soon:
            data, self._soon = self._soon + data, b""
        if self._socket is None or not data:
            return
        if not self._queued:
            sent = self._try(data)
            if sent < 0 or sent == len(data):
                return
            data = data[sent:]
        self._queue.append(data)
        self._queued += len(data)
        if self._queued > _HIGH_WATER and not self._write_paused:
            self._write_paused = True
            self._owner.pause_writing()

    def _try(self, data: bytes) -> int:
        """How many bytes the peer takes now; -1: it is gone."""
        try:
            return self._send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self.lose(error)
            return -1

    def write_soon(self, data: bytes) -> None:
        """Send in this round of the connections, with what the others write."""
        if self._soon:
            self._soon += data
            return
        self._soon = data
        rounds = self._rounds
        if not rounds.held and not rounds.writers:
            rounds.send_later()
        rounds.writers.append(self)

    def write_eof(self) -> None:
        """Send no more, after what waits."""
        self.write(b"")
        if self._socket is not None and not self._shut:
            self._shut = True
            if not self._queued:
                self._end_writing(self._socket)

    @staticmethod
    def _end_writing(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the peer may be gone: reading tells
            connection.shutdown(socket.SHUT_WR)

    def pause_reading(self) -> None:
        """Leave with the peer what it sends."""
        self._paused = True

    def resume_reading(self) -> None:
        """Read again."""
        if self._paused:
            self._paused = False
            if self._readable and self._socket is not None:
                self._read_again()

    def _read_again(self) -> None:
        if not self._again:
            self._again = True
            self._rounds.read_later(self._descriptor)

    def close(self) -> None:
        """Once everything is sent."""
        if not self._closing:
            self.write(b"")
            self._closing = True
            if not self._queued:
                self.lose(None)

    def abort(self) -> None:
        """Now."""
        self.lose(None)

    def is_closing(self) -> bool:
        """No more is read, and soon it is closed."""
        return self._closing

    def get_write_buffer_size(self) -> int:
        """Bytes that wait for the peer."""
        return self._queued

    def get_extra_info(self, name: str, default: object = None) -> object:
        """The peer's address."""
        return self._peer if name == "peername" else default

    def serve(self, events: int) -> None:
        """The system says that something is ready."""
        self._again = False
        if self._queued and events & _WRITABLE:
            self._flush()
        if not events & _READABLE:
            return
        if events & _HUNG_UP:
            self._hung_up = True
        if self._paused or self._closing or self._ended:
            self._readable = True
            return
        self._readable = False
        try:
            data = self._receive(_READ_ROOM)
        except BlockingIOError:
            return
        except OSError as error:
            self.lose(error)
            return
        if data:
            self._owner.data_received(data)
            # An edge is told once: what may be left is asked for, in the next turn for the others' sake.
            if (self._hung_up or len(data) == _READ_ROOM) and self._socket is not None:
                self._read_again()
        else:
            self._ended = True
            if not self._owner.eof_received():
                self.close()

    def _flush(self) -> None:
        queue = self._queue
        while queue:
            data = queue.popleft()
            sent = self._try(data)
            if sent < 0:
                return
            self._queued -= sent
            if sent < len(data):
                queue.appendleft(data[sent:])
                break
        if self._write_paused and self._queued <= _LOW_WATER:
            self._write_paused = False
            self._owner.resume_writing()
        if self._queued or self._socket is None:
            return
        if self._closing:
            self.lose(None)
        elif self._shut:
            self._end_writing(self._socket)

    def lose(self, error: BaseException | None) -> None:
        """The connection is over; its owner is told in the loop's next round."""
        connection, self._socket = self._socket, None
        if connection is None:
            return
        self._closing = True
        self._soon = b""
        self._queue.clear()
        self._queued = 0
        self._rounds.lose(self._descriptor, self._tell, error)
        connection.close()

    def _tell(self, error: BaseException | None) -> None:
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.connection_lost(error)


class SocketRounds:
    """The sockets of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._streams: dict[int, SocketStream] = {}
        self._again: list[tuple[int, int]] = []  # events that the system tells only once, and that are not all served
        self.writers: list[SocketStream] = []  # that have something to send
        self.held = False  # a turn is under way, which ends with sending
        self._due = False
        self._set = select.epoll()
        loop.add_reader(self._set.fileno(), self._round)

    def adopt(self, connection: socket.socket, owner: StreamOwner) -> None:
        """Serve a connected, non-blocking socket from here on; `owner.connection_made` is called at once."""
        stream = SocketStream(self, connection, owner)
        descriptor = connection.fileno()
        self._set.register(descriptor, _WATCHED)
        self._streams[descriptor] = stream
        try:
            cast(Any, owner).connection_made(stream)
        except BaseException as error:
            stream.lose(error)
            raise

    def read_later(self, descriptor: int) -> None:
        """There may be more to read."""
        self._again.append((descriptor, _MORE_TO_READ))
        if not self.held:
            self._come_back()

    def send_later(self) -> None:
        """Something is written outside of a turn."""
        self._loop.call_soon(self._send_all)

    def _come_back(self) -> None:
        if not self._due:
            self._due = True
            self._loop.call_soon(self._round)

    def lose(self, descriptor: int, tell: Any, error: BaseException | None) -> None:
        """A stream is over. A descriptor's number comes again, but not before this turn's events are served."""
        self._streams.pop(descriptor, None)
        self._loop.call_soon(tell, error)

    def close(self) -> None:
        """No more rounds."""
        if not self._set.closed:
            self._loop.remove_reader(self._set.fileno())
            self._set.close()

    def _round(self) -> None:
        self._due = False
        streams = self._streams
        for _ in range(_TURNS):
            again, self._again = self._again, []
            self.held = True
            start_round()
            try:
                ready = [] if self._set.closed else self._set.poll(0, _READY_ROOM)
                for descriptor, events in [*again, *ready] if again else ready:
                    found = streams.get(descriptor)
                    if found is not None:
                        try:
                            found.serve(events)
                        except Exception as error:
                            self._fault(found, error)
            finally:
                end_round()
                self.held = False
                self._send_all()
            if len(ready) < _FEW and not again:
                break
        if self._again:
            self._come_back()

    def _send_all(self) -> None:
        writers, self.writers = self.writers, []
        for stream in writers:
            stream.write(b"")

    def _fault(self, stream: SocketStream, error: Exception) -> None:
        self._loop.call_exception_handler({"message": "a connection's protocol failed", "exception": error})
        stream.lose(error)


def open_rounds(loop: asyncio.AbstractEventLoop) -> SocketRounds | None:
    """None where there is no epoll: use asyncio's transports."""
    return SocketRounds(loop) if IS_SUPPORTED else None
