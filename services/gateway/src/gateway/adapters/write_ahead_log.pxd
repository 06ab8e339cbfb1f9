cimport cython

from gateway.adapters.record_writer cimport RecordWriter
from gateway.ports cimport CallLog
from gateway.ticks cimport now_seconds, real_us


cdef int FLAG_INTENT_ONLY


cdef class WriteAheadLog(CallLog):
    cdef readonly object _files
    cdef object _clock
    cdef long long _max_bytes
    cdef public object other_bytes, appended
    cdef public object acknowledged, stated_complete_until_us
    cdef object _acknowledged_us
    cdef long long _last_us
    cdef public long long end
    cdef readonly long long _records, _allocated
    cdef long long _first_segment, _requests, _segment_number
    cdef bytes _request_prefix
    cdef list _free
    cdef long long[:] _admitted_us
    cdef double[:] _since
    cdef Py_ssize_t _used_slots, _slots
    cdef bint _is_real_time, _is_told
    cdef RecordWriter _open_calls, _segment

    cdef long long _now_us(self) except -1
    @cython.locals(slot=cython.longlong, now=cython.longlong)
    cpdef long long open_call(
        self, long long subscription, long long application, long api, long operation, long plan, int flags
    ) except? -2
    cpdef bytes request_id(self, long long slot)
    cdef bint _grow(self) except -1
    @cython.locals(number=cython.longlong, segment=RecordWriter)
    cpdef append(
        self, long long slot, long long bytes_in, long long bytes_out, long long units, long long latency_us,
        long long upstream_us, int status, int flags
    )
    cpdef listen_again(self)
    @cython.locals(now=cython.longlong, oldest=cython.longlong, admitted_us=cython.longlong, limit=double, slot=Py_ssize_t)
    cpdef complete_until_us(self)
    cdef RecordWriter _enter_segment(self, long long number)
    cdef _leave_segment(self)
