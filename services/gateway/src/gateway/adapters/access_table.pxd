cimport cython

from gateway.domain.rate_limit cimport RateLimiter


cdef class Slot:
    cdef public object access
    cdef public bint is_open
    cdef public RateLimiter limiter


cdef class AccessTable:
    cdef dict _rows, _places
    cdef readonly dict _slots
    cdef readonly list _terms
    cdef public list changed

    @cython.locals(slot=Slot)
    cpdef Slot find(self, str application_id, str api_id, bint sandbox)
    cdef Slot _thaw(self, tuple key)
