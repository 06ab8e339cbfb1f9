cimport cython

from gateway.adapters.upstream_http cimport UpstreamConnection
from gateway.adapters.upstream_lane cimport KeptConnection, Lane, Pool
from gateway.domain.upstream cimport Upstream
from gateway.ports cimport Exchange, ResponseSink

cdef Py_ssize_t MAX_IDLE


cdef class UpstreamPool(Pool):
    cdef object _spawn, _guard, _sockets
    cdef dict _lanes

    @cython.locals(lane=Lane, connection=KeptConnection, mocked=UpstreamConnection)
    cpdef Exchange send(self, Upstream upstream, bytes data, ResponseSink sink, bint repeatable)
    cdef Lane _lane(self, Upstream upstream)
    @cython.locals(connection=UpstreamConnection)
    cdef UpstreamConnection _refused(self, Upstream upstream, ResponseSink sink, str problem_name)
    @cython.locals(lane=Lane, connection=UpstreamConnection)
    cdef UpstreamConnection _send_anew(self, Upstream upstream, bytes data, ResponseSink sink, bint repeatable)
    @cython.locals(connection=UpstreamConnection)
    cpdef bint try_elsewhere(
        self, Upstream failed, bytes data, ResponseSink sink, int tries, bint repeatable
    ) except -1
    @cython.locals(lane=Lane)
    cpdef give_back(self, KeptConnection connection)
    @cython.locals(lane=Lane)
    cpdef forget(self, KeptConnection connection)
