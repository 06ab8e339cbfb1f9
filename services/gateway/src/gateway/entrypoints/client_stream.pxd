from gateway.domain.request_head cimport RequestHead
from gateway.domain.stream cimport Stream
from gateway.entrypoints.upstream_request cimport Forwarding
from gateway.ports cimport ResponseSink


cdef class ClientStream(ResponseSink):
    cdef public object _transport
    cdef Stream _stream
    cdef Forwarding _forwarding
    cdef bytes _peer, _via, _scheme
    cdef object _proxies
    cdef tuple _proxy_said
    cdef bint _lost, _hold_upstream, _hold_pipeline
    cdef public bint _write_paused

    cpdef write(self, bytes data)
    cpdef write_through(self, bytes data)
    cpdef attach(self, object transport)
    cdef believe(self, RequestHead head, bytes raw)
    cpdef hold_pipeline(self, bint hold)
    cpdef update_reading(self)
    cpdef end_writing(self)
