cimport cython

from gateway.domain.access_slot cimport AccessSlot

cdef int FLAG_BILLABLE, FLAG_CLIENT_ABORTED, FLAG_SANDBOX, FLAG_UPSTREAM_FAILED

cpdef bint is_billable(AccessSlot slot, bint sandbox, int upstream_status, bint upstream_failed) except -1
@cython.locals(flags=int)
cpdef int flags_of(bint billable, bint sandbox, bint client_aborted, bint upstream_failed) except -1
