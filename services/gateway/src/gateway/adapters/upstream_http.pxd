cimport cython

from gateway.adapters.upstream_lane cimport KeptConnection, Lane, Pool
from gateway.domain.framing cimport ChunkedBody
from gateway.domain.octets cimport part
from gateway.domain.response_head cimport ResponseHead
from gateway.domain.stream cimport Stream
from gateway.domain.upstream cimport Upstream
from gateway.ports cimport ResponseSink
from gateway.ticks cimport now_seconds

cdef int _CONNECTING, _IDLE, _HEAD, _LENGTH, _CHUNKED, _UNTIL_CLOSE, _TUNNEL, _OVER


cdef class UpstreamConnection(KeptConnection):
    cdef Pool _pool
    cdef object _transport
    cdef Stream _stream
    cdef ResponseSink _sink
    cdef int _state
    cdef ResponseHead _head
    cdef bytes _buffer, _pending, _request
    cdef long long _left
    cdef ChunkedBody _chunks
    cdef bint _recode, _keep, _paused
    cdef long _calls
    cdef public double heard_at
    cdef double _started_at
    cdef public int tries

    cpdef send(self, bytes data)
    cpdef pause(self)
    cpdef resume(self)
    cpdef finish_sending(self)
    cpdef abort(self)
    cpdef connection_made(self, object transport)
    cpdef connect_failed(self)
    @cython.locals(sink=ResponseSink)
    cpdef data_received(self, bytes data)
    @cython.locals(head=ResponseHead, end=Py_ssize_t)
    cdef _on_head_bytes(self, ResponseSink sink, bytes data)
    cdef _on_switch(self, ResponseSink sink, bytes data)
    @cython.locals(length=cython.longlong)
    cdef _on_final_head(self, ResponseSink sink, ResponseHead head, bytes data)
    cdef _on_open_end(self, ResponseSink sink, ResponseHead head)
    cdef _on_body_bytes(self, ResponseSink sink, bytes data)
    @cython.locals(end=Py_ssize_t)
    cdef _on_chunks(self, ResponseSink sink, ChunkedBody chunks, bytes data)
    cdef _finish(self, ResponseSink sink)
    cdef _close(self)
    cdef _fail(self, ResponseSink sink, str problem_name)
    cpdef bint eof_received(self) except -1
    cpdef connection_lost(self, object exc)
    cpdef pause_writing(self)
    cpdef resume_writing(self)
