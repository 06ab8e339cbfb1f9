# cython: boundscheck=False, wraparound=False
"""What record_writer.py does, in C. Change both; tests/property/gateway/test_two_forms.py compares them."""

from cpython.buffer cimport PyBUF_WRITABLE, PyObject_GetBuffer, PyBuffer_Release
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from shared.events.call_record import CALL_BYTES, COMMIT_OFFSET

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #include <stddef.h>
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
    void crc_prepare()
    unsigned int crc32_of(const unsigned char*, size_t)
    void store(unsigned char*, const CallRecord*)
    int little_endian()
    void* memcpy(void*, const void*, size_t)
    void* memset(void*, int, size_t)

cdef long long _U32 = 0xFFFFFFFF
cdef const char* _DIGITS = b"0123456789abcdef"

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
        self._write(index, &record)

    cpdef open(
        self, long long index, long long time_us, long long subscription, long long application, long api,
        long operation, long plan, int flags, bytes request_prefix, long long request_number
    ):
        cdef CallRecord record
        cdef int place
        if (api | operation | plan) >> 32 or flags >> 16 or PyBytes_GET_SIZE(request_prefix) != 8:
            raise ValueError("a field does not fit")
        self._at(index)
        memset(&record, 0, sizeof(CallRecord))
        record.time_us = time_us
        record.subscription = subscription
        record.application = application
        record.api = <unsigned int>api
        record.operation = <unsigned int>operation
        record.plan = <unsigned int>plan
        record.flags = <unsigned short>flags
        memcpy(record.request_id, PyBytes_AS_STRING(request_prefix), 8)
        for place in range(8):
            record.request_id[15 - place] = <unsigned char>(request_number >> 8 * place & 0xFF)
        self._write(index, &record)

    cpdef bytes request_id(self, long long index):
        cdef const unsigned char* name = self._at(index).request_id
        cdef bytes digits = PyBytes_FromStringAndSize(NULL, 32)
        cdef char* to = PyBytes_AS_STRING(digits)
        cdef int place
        for place in range(16):
            to[2 * place] = _DIGITS[name[place] >> 4]
            to[2 * place + 1] = _DIGITS[name[place] & 15]
        return digits

    cpdef close(
        self, long long index, long long sequence, long long time_us, RecordWriter table, long long slot,
        long long bytes_in, long long bytes_out, long long units, long long latency_us, long long upstream_us,
        int status, int flags
    ):
        cdef CallRecord record = table._at(slot)[0]
        self._at(index)
        if units >> 32 or status >> 16 or flags >> 16:
            raise ValueError("a field does not fit")
        record.sequence = sequence
        record.time_us = time_us
        record.bytes_in = bytes_in
        record.bytes_out = bytes_out
        record.units = <unsigned int>units
        record.latency_us = <unsigned int>min(max(latency_us, 0), _U32)
        record.upstream_us = <unsigned int>min(max(upstream_us, 0), _U32)
        record.status = <unsigned short>status
        record.flags = <unsigned short>flags
        self._write(index, &record)
        table._at(slot).commit = 0

    cdef _write(self, long long index, CallRecord* record):
        record.commit = crc32_of(<const unsigned char*>record, sizeof(CallRecord) - 4)
        if not record.commit:
            record.commit = 1
        store(self._memory + index * sizeof(CallRecord), record)

    cdef CallRecord* _at(self, long long index) except NULL:
        if index < 0 or index >= self._records:
            raise ValueError("no such record")
        return <CallRecord*>(self._memory + index * sizeof(CallRecord))

    cpdef clear(self, long long index):
        if index < 0 or index >= self._records:
            raise ValueError("no such record")
        memset(self._memory + index * sizeof(CallRecord) + sizeof(CallRecord) - 4, 0, 4)

    cpdef release(self):
        self._records = 0
        self._area.release()
