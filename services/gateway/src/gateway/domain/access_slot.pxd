from gateway.domain.rate_limit cimport RateLimiter


cdef class AccessSlot:
    cdef readonly object access
    cdef readonly long long subscription
    cdef readonly long plan_version
    cdef readonly bint bills_every_call, is_open
    cdef public bint is_current
    cdef readonly RateLimiter limiter
