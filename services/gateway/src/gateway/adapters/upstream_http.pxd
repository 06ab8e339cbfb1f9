cimport cython

from gateway.domain.framing cimport ChunkedBody
from gateway.domain.response_head cimport ResponseHead
from gateway.domain.send_batch cimport SendBatch, Sender

cdef int _CONNECTING, _IDLE, _HEAD, _LENGTH, _CHUNKED, _UNTIL_CLOSE, _TUNNEL, _OVER


cdef class UpstreamConnection(Sender):
    cdef SendBatch _sends
    cdef bytes _unsent
    cdef object _pool, _transport, _sink
    cdef public object upstream
    cdef int _state
    cdef ResponseHead _head
    cdef bytes _buffer, _pending, _request
    cdef long long _left
    cdef ChunkedBody _chunks
    cdef bint _recode, _keep, _paused
    cdef long _calls
    cdef public long long payload_bytes
    cdef public double heard_at
    cdef double _started_at
    cdef public int tries

    cpdef start(self, bytes data, object sink, bint repeatable)
    cpdef send(self, bytes data)
    cpdef pause(self)
    cpdef resume(self)
    cpdef finish_sending(self)
    cpdef abort(self)
    cpdef connection_made(self, object transport)
    cpdef connect_failed(self)
    cpdef data_received(self, bytes data)
    @cython.locals(head=ResponseHead, end=Py_ssize_t)
    cdef _on_head_bytes(self, object sink, bytes data)
    cdef _on_switch(self, object sink, bytes data)
    @cython.locals(length=cython.longlong)
    cdef _on_final_head(self, object sink, ResponseHead head, bytes data)
    cdef _on_open_end(self, object sink, ResponseHead head)
    cdef _on_body_bytes(self, object sink, bytes data)
    @cython.locals(end=Py_ssize_t)
    cdef _on_chunks(self, object sink, ChunkedBody chunks, bytes data)
    cdef _finish(self, object sink)
    cdef _close(self)
    cdef _fail(self, object sink, str problem_name)
    cpdef on_timeout(self)
    cpdef bint eof_received(self) except -1
    cpdef connection_lost(self, object exc)
    cpdef pause_writing(self)
    cpdef resume_writing(self)
    cpdef bint is_idle_too_long(self, double now) except -1
    cpdef close_idle(self)
