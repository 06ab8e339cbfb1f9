# cython: boundscheck=False, wraparound=False
"""Plain TCP connections, served in rounds: what asyncio's transports do for one, done for all that are ready at once.

An edge-triggered epoll set of our own, which asyncio's loop watches as a single descriptor. When something is ready,
everything that is ready is read and worked on, then what was written is sent, and the loop goes on. Against a
transport for each, the kernel is asked once instead of twice about each event, and no callback of the loop is made.

Protocols see what they know from asyncio: the same methods in the same order, `connection_lost` never from within a
call of theirs, flow control by `pause_writing` and `resume_writing`.
"""

import os
from collections import deque

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdlib cimport free, malloc

from gateway.ticks cimport end_round, start_round

cdef extern from *:
    """
    #include <errno.h>
    #include <stdint.h>
    #include <unistd.h>
    #if defined(__linux__)
    #include <sys/epoll.h>
    #include <sys/socket.h>
    #include <sys/syscall.h>
    #if defined(SYS_recvfrom) && defined(SYS_sendto) /* not where socketcall does it all */
    #define ROUNDS_SUPPORTED 1
    #else
    #define ROUNDS_SUPPORTED 0
    #define SYS_recvfrom 0
    #define SYS_sendto 0
    #endif
    /* System calls without the C library's points of thread cancellation, which cost as much as the calls' entry. */
    typedef struct epoll_event rounds_event;
    static int rounds_open(void) { return epoll_create1(EPOLL_CLOEXEC); }
    static int rounds_watch(int set, int socket, uint64_t tag) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = tag};
        return epoll_ctl(set, EPOLL_CTL_ADD, socket, &event);
    }
    static int rounds_wait(int set, rounds_event *ready, int room) { return epoll_wait(set, ready, room, 0); }
    static uint64_t rounds_tag(const rounds_event *event) { return event->data.u64; }
    static unsigned rounds_events(const rounds_event *event) {
        unsigned said = event->events;
        return (said & EPOLLOUT ? 1 : 0) | (said & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) ? 2 : 0)
            | (said & (EPOLLRDHUP | EPOLLHUP | EPOLLERR) ? 4 : 0);
    }
    static ssize_t rounds_receive(int socket, char *to, size_t room) {
        ssize_t size;
        do size = syscall(SYS_recvfrom, socket, to, room, MSG_DONTWAIT, NULL, NULL); while (size < 0 && errno == EINTR);
        return size;
    }
    static ssize_t rounds_send(int socket, const char *from, size_t size) {
        ssize_t sent;
        do sent = syscall(SYS_sendto, socket, from, size, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
        while (sent < 0 && errno == EINTR);
        return sent;
    }
    static int rounds_end_writing(int socket) { return shutdown(socket, SHUT_WR); }
    #else
    #define ROUNDS_SUPPORTED 0
    typedef struct { int unused; } rounds_event;
    static int rounds_open(void) { return -1; }
    static int rounds_watch(int set, int socket, uint64_t tag) { return -1; }
    static int rounds_wait(int set, rounds_event *ready, int room) { return -1; }
    static uint64_t rounds_tag(const rounds_event *event) { return 0; }
    static unsigned rounds_events(const rounds_event *event) { return 0; }
    static ssize_t rounds_receive(int socket, char *to, size_t room) { return -1; }
    static ssize_t rounds_send(int socket, const char *from, size_t size) { return -1; }
    static int rounds_end_writing(int socket) { return -1; }
    #endif
    static int rounds_error(void) { return errno; }
    static int rounds_would_block(void) { return errno == EAGAIN || errno == EWOULDBLOCK; }
    static void rounds_close(int descriptor) { close(descriptor); }
    """
    ctypedef struct rounds_event:
        pass
    bint ROUNDS_SUPPORTED
    int rounds_open()
    int rounds_watch(int, int, unsigned long long)
    int rounds_wait(int, rounds_event*, int)
    unsigned long long rounds_tag(const rounds_event*)
    unsigned int rounds_events(const rounds_event*)
    Py_ssize_t rounds_receive(int, char*, size_t)
    Py_ssize_t rounds_send(int, const char*, size_t)
    int rounds_end_writing(int)
    int rounds_error()
    bint rounds_would_block()
    void rounds_close(int)

cdef enum:
    _WRITABLE = 1
    _READABLE = 2
    _HUNG_UP = 4
    _READY_ROOM = 256  # events of one turn
    _READ_ROOM = 256 * 1024  # bytes of one read
    _TURNS = 4  # of one round; then the loop's other work has its turn
    _FEW = 3  # events in a turn: fewer, and the next turn would mostly find none, which the loop finds out as well
    _HIGH_WATER = 64 * 1024  # bytes that wait for a peer; asyncio's defaults
    _LOW_WATER = 16 * 1024


cdef class SocketStream(Stream):
    """One connection; asyncio.Transport's methods, as far as they are used here."""

    def __cinit__(self):
        self._socket = -1

    def __init__(self, SocketRounds rounds, int descriptor, StreamOwner owner, unsigned long long tag, object peer):
        self._rounds = rounds
        self._socket = descriptor
        self._owner = owner
        self._tag = tag
        self._peer = peer

    def __dealloc__(self):
        if self._socket >= 0:
            rounds_close(self._socket)

    cpdef write(self, bytes data):
        """Send, after what `write_soon` kept, or keep what the peer does not take yet."""
        if self._soon is not None:
            data, self._soon = self._soon + data, None
        self._send(data)

    cpdef write_soon(self, bytes data):
        """Send in this round of the connections, with what the others write."""
        if self._soon is not None:
            self._soon = self._soon + data
        else:
            self._soon = data
            self._rounds._write_later(self)

    cdef _send_soon(self):
        cdef bytes data = self._soon
        if data is not None:
            self._soon = None
            self._send(data)

    cdef _send(self, bytes data):
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data), sent
        if self._socket < 0 or not size:
            return
        if not self._queued:
            sent = rounds_send(self._socket, PyBytes_AS_STRING(data), size)
            if sent == size:
                return
            if sent < 0:
                if not rounds_would_block():
                    self._broken(rounds_error())
                    return
                sent = 0
            data = data[sent:]
            size -= sent
        if self._queue is None:
            self._queue = deque()
        self._queue.append(data)
        self._queued += size
        if self._queued > _HIGH_WATER and not self._write_paused:
            self._write_paused = True
            self._owner.pause_writing()

    def write_eof(self):
        """Send no more, after what waits."""
        self._send_soon()
        if self._socket < 0 or self._shut:
            return
        self._shut = True
        if not self._queued:
            rounds_end_writing(self._socket)

    def pause_reading(self):
        """Leave with the peer what it sends."""
        self._paused = True

    def resume_reading(self):
        """Read again."""
        if self._paused:
            self._paused = False
            if self._readable and self._socket >= 0:
                self._rounds._again_later(self)

    def close(self):
        """Once everything is sent."""
        if not self._closing:
            self._send_soon()
            self._closing = True
            if not self._queued:
                self._lose(None)

    def abort(self):
        """Now."""
        self._lose(None)

    def is_closing(self):
        """No more is read, and soon it is closed."""
        return self._closing

    def get_write_buffer_size(self):
        """Bytes that wait for the peer."""
        return self._queued

    def get_extra_info(self, name, default=None):
        """The peer's address."""
        return self._peer if name == "peername" else default

    cdef _serve(self, unsigned int events):
        if events & _WRITABLE and self._queued:
            self._flush()
        if events & _READABLE and self._socket >= 0:
            if events & _HUNG_UP:
                self._hung_up = True
            self._read()

    cdef _read(self):
        cdef Py_ssize_t size
        if self._paused or self._closing or self._ended:
            self._readable = True
            return
        self._readable = False
        size = rounds_receive(self._socket, self._rounds._buffer, _READ_ROOM)
        if size > 0:
            self._owner.data_received(PyBytes_FromStringAndSize(self._rounds._buffer, size))
            # An edge is told once: what may be left is asked for, in the next turn for the others' sake.
            if (size == _READ_ROOM or self._hung_up) and self._socket >= 0:
                self._rounds._again_later(self)
        elif size == 0:
            self._ended = True
            if not self._owner.eof_received():
                self.close()
        elif not rounds_would_block():
            self._broken(rounds_error())

    cdef _flush(self):
        cdef bytes data
        cdef Py_ssize_t size, sent
        while self._queued:
            data = <bytes>self._queue.popleft()
            size = PyBytes_GET_SIZE(data)
            sent = rounds_send(self._socket, PyBytes_AS_STRING(data), size)
            if sent < 0:
                if not rounds_would_block():
                    self._broken(rounds_error())
                    return
                sent = 0
            self._queued -= sent
            if sent < size:
                self._queue.appendleft(data[sent:])
                break
        self._written()

    cdef _written(self):
        if self._write_paused and self._queued <= _LOW_WATER:
            self._write_paused = False
            self._owner.resume_writing()
        if self._queued or self._socket < 0:
            return
        if self._closing:
            self._lose(None)
        elif self._shut:
            rounds_end_writing(self._socket)

    cdef _broken(self, int error):
        self._lose(OSError(error, os.strerror(error)))

    cdef _lose(self, object exc):
        if self._socket < 0:
            return
        self._closing = True
        self._rounds._streams[self._socket] = None
        rounds_close(self._socket)
        self._socket = -1
        self._queue = self._soon = None
        self._queued = 0
        self._rounds._loop.call_soon(self._tell, exc)

    def _tell(self, exc):
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.connection_lost(exc)


cdef class SocketRounds:
    """The sockets of one event loop."""

    def __cinit__(self):
        self._set = -1
        self._ready = malloc(_READY_ROOM * sizeof(rounds_event))
        self._buffer = <char*>malloc(_READ_ROOM)
        if self._ready == NULL or self._buffer == NULL:
            raise MemoryError

    def __init__(self, object loop):
        self._loop = loop
        self._streams = []
        self._again = []
        self._writers = []
        self._set = rounds_open()
        if self._set < 0:
            raise OSError(rounds_error(), os.strerror(rounds_error()))
        loop.add_reader(self._set, self._round)

    def __dealloc__(self):
        free(self._ready)
        free(self._buffer)

    def adopt(self, connection, StreamOwner owner):
        """Serve a connected, non-blocking socket from here on; `owner.connection_made` is called at once."""
        cdef int descriptor = connection.fileno()
        cdef SocketStream stream
        peer = connection.getpeername()
        self._adopted += 1
        # A descriptor's number comes again: the count tells the next connection's events from the last one's.
        stream = SocketStream(self, descriptor, owner, self._adopted << 32 | <unsigned int>descriptor, peer)
        if rounds_watch(self._set, descriptor, stream._tag):
            stream._socket = -1  # still its owner's
            raise OSError(rounds_error(), os.strerror(rounds_error()))
        while len(self._streams) <= descriptor:
            self._streams.append(None)
        self._streams[descriptor] = stream
        connection.detach()
        try:
            owner.connection_made(stream)
        except BaseException as error:
            stream._lose(error)
            raise

    def close(self):
        """No more rounds."""
        if self._set >= 0:
            self._loop.remove_reader(self._set)
            rounds_close(self._set)
            self._set = -1

    def _round(self):
        cdef rounds_event* ready = <rounds_event*>self._ready
        cdef SocketStream stream
        cdef unsigned long long tag
        cdef int turn, count, index
        self._due = False
        for turn in range(_TURNS):
            again = self._again
            self._held = True
            start_round()
            try:
                if again:
                    self._again = []
                    for stream in again:
                        stream._again = False
                        if stream._socket >= 0:
                            self._one(stream, _READABLE)
                count = 0 if self._set < 0 else rounds_wait(self._set, ready, _READY_ROOM)
                for index in range(count):
                    tag = rounds_tag(ready + index)
                    stream = <SocketStream>self._streams[tag & 0xFFFFFFFF]
                    if stream is not None and stream._tag == tag:
                        self._one(stream, rounds_events(ready + index))
            finally:
                end_round()
                self._held = False
                if self._writers:
                    self._send_all()
            if count < _FEW and not again:
                break
        if self._again and not self._due:
            self._due = True
            self._loop.call_soon(self._round)

    cdef _one(self, SocketStream stream, unsigned int events):
        try:
            stream._serve(events)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            self._loop.call_exception_handler(
                {"message": "a connection's protocol failed", "exception": error, "protocol": stream._owner}
            )
            stream._lose(error)

    cdef _again_later(self, SocketStream stream):
        if stream._again:
            return
        stream._again = True
        self._again.append(stream)
        if not self._held and not self._due:
            self._due = True
            self._loop.call_soon(self._round)

    cdef _write_later(self, SocketStream stream):
        if not self._held and not self._writers:
            self._loop.call_soon(self._send_all)
        self._writers.append(stream)

    def _send_all(self):
        cdef SocketStream stream
        cdef list writers = self._writers
        self._writers = []
        for stream in writers:
            stream._send_soon()


def open_rounds(loop):
    """None where there are none: use asyncio's transports."""
    return SocketRounds(loop) if ROUNDS_SUPPORTED else None
