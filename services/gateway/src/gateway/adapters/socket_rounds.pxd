from gateway.domain.send_batch cimport SendBatch, Sender, Stream


cdef class SocketStream(Stream):
    cdef SocketRounds _rounds
    cdef Sender _owner
    cdef int _socket
    cdef unsigned long long _tag
    cdef bint _paused, _readable, _hung_up, _ended, _closing, _shut, _write_paused, _again
    cdef object _queue, _peer
    cdef Py_ssize_t _queued

    cpdef write(self, bytes data)
    cdef _serve(self, unsigned int events)
    cdef _read(self)
    cdef _flush(self)
    cdef _written(self)
    cdef _broken(self, int error)
    cdef _lose(self, object exc)


cdef class SocketRounds:
    cdef int _set
    cdef void* _ready
    cdef char* _buffer
    cdef object _loop
    cdef SendBatch _sends
    cdef list _streams, _again
    cdef unsigned long long _adopted
    cdef bint _due

    cdef _again_later(self, SocketStream stream)
    cdef _one(self, SocketStream stream, unsigned int events)
