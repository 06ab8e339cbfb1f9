cimport cython

cpdef bint is_billable(object access, bint sandbox, int upstream_status, bint upstream_failed) except -1
@cython.locals(flags=int)
cpdef int flags_of(bint billable, bint sandbox, bint client_aborted, bint upstream_failed) except -1
