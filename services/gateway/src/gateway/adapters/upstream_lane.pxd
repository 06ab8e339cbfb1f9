from gateway.domain.upstream cimport Upstream
from gateway.ports cimport Exchange, ResponseSink, Upstreams


cdef class Lane:
    cdef public set connections
    cdef public list idle
    cdef public long busy


cdef class KeptConnection(Exchange):
    cdef public Upstream upstream
    cdef readonly Lane lane

    cpdef start(self, bytes data, ResponseSink sink, bint repeatable)
    cpdef bint is_late(self, double now) except -1
    cpdef on_timeout(self)
    cpdef bint is_idle_too_long(self, double now) except -1
    cpdef close_idle(self)


cdef class Pool(Upstreams):
    cpdef give_back(self, KeptConnection connection)
    cpdef forget(self, KeptConnection connection)
    cpdef repeat(self, Upstream upstream, bytes data, ResponseSink sink)
    cpdef bint try_elsewhere(
        self, Upstream failed, bytes data, ResponseSink sink, int tries, bint repeatable
    ) except -1
    cpdef answered(self, Upstream upstream, int status)
    cpdef failed(self, Upstream upstream)
