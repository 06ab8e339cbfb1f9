cdef class RecordWriter:
    cdef object _area
    cdef unsigned char* _memory
    cdef Py_ssize_t _records

    cpdef put(
        self, long long index, unsigned long long sequence, unsigned long long time_us,
        unsigned long long subscription, unsigned long long application, unsigned long long bytes_in,
        unsigned long long bytes_out, unsigned long api, unsigned long operation, unsigned long plan,
        unsigned long units, long long latency_us, long long upstream_us, int status, int flags, bytes request_id
    )
    cpdef clear(self, long long index)
    cpdef release(self)
