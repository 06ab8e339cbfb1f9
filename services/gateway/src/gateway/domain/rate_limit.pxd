cimport cython

cdef extern from *:
    # Exact beyond 64 bits: nanoseconds times a limit's count.
    ctypedef long long wide "__int128"


cdef class _Bucket:
    cdef public wide count, limit, interval, tolerance, second, per_seconds, horizon, arrival, used
    cdef readonly bytes name, policy

    cdef wide left(self) except? -1


cdef class RateOutcome:
    cdef readonly bint admitted
    cdef readonly bytes headers
    cdef readonly long long retry_after_seconds


cdef class RateLimiter:
    cdef public tuple limits
    cdef public object key
    cdef public long long pending
    cdef list _changed
    cdef readonly list _buckets
    cdef bytes _policy
    cdef RateOutcome _passed
    cdef _Bucket _least
    cdef wide _remaining, _reset

    @cython.locals(
        buckets=list, bucket=_Bucket, least=_Bucket, wait=wide, used=wide, remaining=wide, left=wide, reset=wide
    )
    cpdef RateOutcome take(self, long long now_ns)
    @cython.locals(bucket=_Bucket, least=_Bucket, left=wide)
    cdef RateOutcome _refuse(self, list buckets, wide wait)
    cdef bytes _headers(self, _Bucket least, wide remaining, wide reset)
