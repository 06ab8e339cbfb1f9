cimport cython

from gateway.domain.access_slot cimport AccessSlot
from gateway.domain.route cimport ApiRoutes, OperationRoute
from gateway.domain.upstream cimport Upstream


@cython.freelist(64)
cdef class Admitted:
    cdef public object shape_response
    cdef public Upstream upstream
    cdef public OperationRoute operation
    cdef public AccessSlot access
    cdef public bytes rest, headers, request_id
    cdef public bint sandbox
    cdef public long long slot, units, started_ns, upstream_ns
    cdef public int upstream_status


cdef class Caller:
    cdef readonly ApiRoutes api
    cdef readonly object credential
    cdef readonly AccessSlot entry
    cdef readonly long long identities
    cdef public long long until_ns
    cdef readonly long application


cdef class Wait:
    cdef public object refusal
