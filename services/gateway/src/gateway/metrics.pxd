cimport cython

cdef int _CLASSES, _BOUND_COUNT


cdef class CallCounts:
    cdef dict _refused
    cdef long long[:] _calls, _buckets, _bounds
    cdef long long _sum_us

    @cython.locals(place=int)
    cpdef on_call(self, int fault, int status, long long latency_us)
    cpdef on_refusal(self, str reason)
