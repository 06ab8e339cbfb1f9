cimport cython

from gateway.domain.access_slot cimport AccessSlot
from gateway.domain.admission cimport (
    decide_access, decide_lifecycle, decide_token, is_young, refuse_access, refuse_environment, refuse_unauthenticated
)
from gateway.domain.admitted_call cimport Admitted, Caller, Wait
from gateway.domain.credential cimport api_key, bearer_token
from gateway.domain.rate_limit cimport RateLimiter, RateOutcome
from gateway.domain.request_head cimport RequestHead
from gateway.domain.route cimport ApiRoutes, FoundRoute, OperationRoute
from gateway.domain.upstream cimport Upstream
from gateway.domain.usage cimport flags_of
from gateway.ports cimport CallLog, Tables
from gateway.ticks cimport monotonic_ns

cdef int FLAG_SANDBOX
cdef double _KNOWN_CALLER_SECONDS
cdef Py_ssize_t _MAX_KNOWN_CALLERS


cdef class CallGate:
    cdef Tables _tables
    cdef CallLog _log
    cdef object _tokens, _refusals, _clock, _own_ns, _pages, _failures, _identity, _cache
    cdef dict _callers
    cdef public bint _pass_unrecorded
    cdef public long long max_body_bytes

    cdef long long _monotonic_ns(self) except? -1
    cpdef object admit(self, RequestHead head, bytes peer)
    cdef object _admit_cross_origin(self, RequestHead head, bytes peer, bytes origin)
    @cython.locals(
        admitted=Admitted, route=FoundRoute, api=ApiRoutes, operation=OperationRoute, caller=Caller, upstream=Upstream,
        now_ns=cython.longlong
    )
    cdef object _admit(self, RequestHead head, bytes peer)
    @cython.locals(caller=Caller, entry=AccessSlot, lives_seconds=double)
    cdef object _find_caller(self, RequestHead head, ApiRoutes api, bytes peer, long long now_ns)
    cdef object _own_page(self, RequestHead head)
    cdef object _other_operation(self, FoundRoute route, bytes method)
    cdef object _closed(self, AccessSlot entry, object claims, ApiRoutes api, object credential)
    @cython.locals(token=bytes)
    cdef object _credential(self, RequestHead head, ApiRoutes api, bytes peer)
    cdef object _key_holder(self, bytes shown, ApiRoutes api, bytes peer)
    cdef object _too_many_failures(self, ApiRoutes api, bytes peer)
    @cython.locals(slot=cython.longlong, entry=AccessSlot, rate=RateOutcome, limiter=RateLimiter)
    cdef object _reserve(self, Admitted admitted, ApiRoutes api, long application)
    cpdef refuse(self, object refusal)
    cpdef refuse_problem(self, object problem)
    @cython.locals(latency_us=cython.longlong, upstream_us=cython.longlong)
    cpdef long long record_call(
        self, Admitted call, int status, long long bytes_in, long long bytes_out, bint client_aborted=*,
        bint upstream_failed=*, long long ended_ns=*
    ) except? -1
    cpdef heard_upstream(self, Admitted call, int status)
