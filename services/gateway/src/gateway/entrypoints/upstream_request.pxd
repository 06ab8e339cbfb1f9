cimport cython

from gateway.domain.admitted_call cimport Admitted
from gateway.domain.octets cimport concat
from gateway.domain.request_head cimport RequestHead
from gateway.domain.upstream cimport Upstream

cdef frozenset _IDEMPOTENT
cdef int _SLASH


cdef class Forwarding:
    cdef bytes _via, _scheme, _host, _lines

    cpdef bytes lines(self, bytes via, bytes scheme, bytes host)


cpdef bint is_repeatable(bytes method)
@cython.locals(upstream=Upstream, parts=list, rest=bytes, said=bytes, end=bytes)
cpdef bytes upstream_request(RequestHead head, Admitted call, bytes forwarding)
