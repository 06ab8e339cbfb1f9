cimport cython

from gateway.domain.access_slot cimport AccessSlot


cdef class AccessTable:
    cdef dict _rows, _places
    cdef readonly dict _slots
    cdef readonly list _terms
    cdef public list changed

    @cython.locals(slot=AccessSlot)
    cpdef AccessSlot find(self, str application_id, str api_id, bint sandbox)
    cdef AccessSlot _thaw(self, tuple key)
