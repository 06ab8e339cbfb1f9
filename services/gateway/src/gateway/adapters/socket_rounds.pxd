from gateway.domain.stream cimport Stream, StreamOwner


cdef class SocketStream(Stream):
    cdef SocketRounds _rounds
    cdef StreamOwner _owner
    cdef int _socket
    cdef unsigned long long _tag
    cdef bint _paused, _readable, _hung_up, _ended, _closing, _shut, _write_paused, _again
    cdef object _queue, _peer
    cdef bytes _soon
    cdef Py_ssize_t _queued

    cpdef write(self, bytes data)
    cpdef write_soon(self, bytes data)
    cdef _send(self, bytes data)
    cdef _send_soon(self)
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
    cdef list _streams, _again, _writers
    cdef unsigned long long _adopted
    cdef bint _due, _held

    cdef _again_later(self, SocketStream stream)
    cdef _write_later(self, SocketStream stream)
    cdef _one(self, SocketStream stream, unsigned int events)
