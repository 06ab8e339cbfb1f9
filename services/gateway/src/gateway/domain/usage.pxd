cimport cython

from gateway.domain.access_slot cimport AccessSlot

cdef int FLAG_BILLABLE, FLAG_CLIENT_ABORTED, FLAG_SANDBOX, FLAG_UPSTREAM_FAILED

@cython.locals(flags=int)
cpdef int flags_of(
    AccessSlot slot, bint sandbox, int upstream_status, bint client_aborted, bint upstream_failed
) except -1
