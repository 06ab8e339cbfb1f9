cdef class CallCounts:
    cdef dict _calls, _refused
    cdef list _buckets
    cdef object _sum_us

    cpdef on_call(self, str fault, int status, long long latency_us)
    cpdef on_refusal(self, str reason)
