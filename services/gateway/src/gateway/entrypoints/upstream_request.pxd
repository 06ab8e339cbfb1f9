cimport cython

from gateway.domain.admitted_call cimport Admitted
from gateway.domain.request_head cimport RequestHead
from gateway.domain.upstream cimport Upstream

cdef frozenset _IDEMPOTENT

cpdef bint is_repeatable(bytes method)
@cython.locals(upstream=Upstream, parts=list)
cpdef bytes upstream_request(RequestHead head, Admitted call, bytes via, bytes scheme)
