# cython: boundscheck=False, wraparound=False
"""What record_writer.py does, in C. Change both; tests/property/gateway/test_two_forms.py compares them."""

from cpython.buffer cimport PyBUF_WRITABLE, PyObject_GetBuffer, PyBuffer_Release
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from shared.events.call_record import CALL_BYTES, COMMIT_OFFSET

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #include <stddef.h>
    #pragma pack(push, 1)
    typedef struct {
        uint64_t sequence, time_us, subscription, application, bytes_in, bytes_out;
        uint32_t api, operation, plan, units, latency_us, upstream_us;
        uint16_t status, flags;
        unsigned char request_id[16];
        uint32_t commit;
    } CallRecord;
    #pragma pack(pop)
    static uint32_t crc_table[8][256];
    static void crc_prepare(void) {
        for (uint32_t n = 0; n < 256; n++) {
            uint32_t c = n;
            for (int k = 0; k < 8; k++) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
            crc_table[0][n] = c;
        }
        for (uint32_t n = 0; n < 256; n++)
            for (int k = 1; k < 8; k++)
                crc_table[k][n] = (crc_table[k - 1][n] >> 8) ^ crc_table[0][crc_table[k - 1][n] & 0xFF];
    }
    static uint32_t crc32_of(const unsigned char *p, size_t size) {
        uint32_t c = 0xFFFFFFFFu;
        while (size >= 8) {
            uint32_t a, b;
            memcpy(&a, p, 4); memcpy(&b, p + 4, 4);
            a ^= c;
            c = crc_table[7][a & 0xFF] ^ crc_table[6][(a >> 8) & 0xFF] ^ crc_table[5][(a >> 16) & 0xFF]
              ^ crc_table[4][a >> 24] ^ crc_table[3][b & 0xFF] ^ crc_table[2][(b >> 8) & 0xFF]
              ^ crc_table[1][(b >> 16) & 0xFF] ^ crc_table[0][b >> 24];
            p += 8; size -= 8;
        }
        while (size--) c = crc_table[0][(c ^ *p++) & 0xFF] ^ (c >> 8);
        return c ^ 0xFFFFFFFFu;
    }
    static void store(unsigned char *to, const CallRecord *record) {
        memset(to + offsetof(CallRecord, commit), 0, 4);
        __atomic_thread_fence(__ATOMIC_RELEASE);
        memcpy(to, record, offsetof(CallRecord, commit));
        __atomic_thread_fence(__ATOMIC_RELEASE);
        memcpy(to + offsetof(CallRecord, commit), &record->commit, 4);
    }
    static int little_endian(void) { uint16_t one = 1; return *(unsigned char *)&one; }
    """
    ctypedef struct CallRecord:
        unsigned long long sequence, time_us, subscription, application, bytes_in, bytes_out
        unsigned int api, operation, plan, units, latency_us, upstream_us
        unsigned short status, flags
        unsigned char request_id[16]
        unsigned int commit
    void crc_prepare()
    unsigned int crc32_of(const unsigned char*, size_t)
    void store(unsigned char*, const CallRecord*)
    int little_endian()
    void* memcpy(void*, const void*, size_t)
    void* memset(void*, int, size_t)

cdef long long _U32 = 0xFFFFFFFF

if CALL_BYTES != sizeof(CallRecord) or COMMIT_OFFSET != sizeof(CallRecord) - 4 or not little_endian():
    raise ImportError("the call record's layout is not what this was compiled for")
crc_prepare()


cdef class RecordWriter:
    def __init__(self, area):
        cdef Py_buffer buffer
        self._area = memoryview(area)
        PyObject_GetBuffer(self._area, &buffer, PyBUF_WRITABLE)
        self._memory = <unsigned char*>buffer.buf
        self._records = buffer.len // sizeof(CallRecord)
        PyBuffer_Release(&buffer)  # the memoryview holds the file open

    cpdef put(
        self, long long index, unsigned long long sequence, unsigned long long time_us,
        unsigned long long subscription, unsigned long long application, unsigned long long bytes_in,
        unsigned long long bytes_out, unsigned long api, unsigned long operation, unsigned long plan,
        unsigned long units, long long latency_us, long long upstream_us, int status, int flags, bytes request_id
    ):
        cdef CallRecord record
        if index < 0 or index >= self._records or PyBytes_GET_SIZE(request_id) != 16:
            raise ValueError("no such record")
        if (api | operation | plan | units) > 0xFFFFFFFFul or status < 0 or status > 0xFFFF or flags < 0 or flags > 0xFFFF:
            raise ValueError("a field does not fit")
        record.sequence = sequence
        record.time_us = time_us
        record.subscription = subscription
        record.application = application
        record.bytes_in = bytes_in
        record.bytes_out = bytes_out
        record.api = <unsigned int>api
        record.operation = <unsigned int>operation
        record.plan = <unsigned int>plan
        record.units = <unsigned int>units
        record.latency_us = <unsigned int>min(max(latency_us, 0), _U32)
        record.upstream_us = <unsigned int>min(max(upstream_us, 0), _U32)
        record.status = <unsigned short>status
        record.flags = <unsigned short>flags
        memcpy(record.request_id, PyBytes_AS_STRING(request_id), 16)
        record.commit = crc32_of(<const unsigned char*>&record, sizeof(CallRecord) - 4)
        if not record.commit:
            record.commit = 1
        store(self._memory + index * sizeof(CallRecord), &record)

    cpdef clear(self, long long index):
        if index < 0 or index >= self._records:
            raise ValueError("no such record")
        memset(self._memory + index * sizeof(CallRecord) + sizeof(CallRecord) - 4, 0, 4)

    cpdef release(self):
        self._records = 0
        self._area.release()
