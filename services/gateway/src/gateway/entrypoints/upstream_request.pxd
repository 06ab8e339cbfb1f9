cimport cython

from gateway.domain.request_head cimport RequestHead
from gateway.use_cases cimport Admitted

cdef frozenset _IDEMPOTENT

cpdef bint is_repeatable(bytes method)
@cython.locals(path=bytes, lines=list)
cpdef bytes upstream_request(RequestHead head, Admitted call, bytes via, bytes scheme)
