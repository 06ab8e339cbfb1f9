cdef extern from *:
    """
    #include <stdint.h>
    #pragma pack(push, 1)
    typedef struct {
        uint64_t sequence, time_us, subscription, application, bytes_in, bytes_out;
        uint32_t api, operation, plan, units, latency_us, upstream_us;
        uint16_t status, flags;
        unsigned char request_id[16];
        uint32_t commit;
    } CallRecord;
    #pragma pack(pop)
    """
    ctypedef struct CallRecord:
        unsigned long long sequence, time_us, subscription, application, bytes_in, bytes_out
        unsigned int api, operation, plan, units, latency_us, upstream_us
        unsigned short status, flags
        unsigned char request_id[16]
        unsigned int commit


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
    cpdef open(
        self, long long index, long long time_us, long long subscription, long long application, long api,
        long operation, long plan, int flags, bytes request_prefix, long long request_number
    )
    cpdef bytes request_id(self, long long index)
    cpdef close(
        self, long long index, long long sequence, long long time_us, RecordWriter table, long long slot,
        long long bytes_in, long long bytes_out, long long units, long long latency_us, long long upstream_us,
        int status, int flags
    )
    cdef _write(self, long long index, CallRecord* record)
    cdef CallRecord* _at(self, long long index) except NULL
    cpdef clear(self, long long index)
    cpdef release(self)
