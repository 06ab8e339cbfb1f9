cimport cython

from gateway.domain.admission cimport (
    decide_access, decide_lifecycle, decide_token, is_young, refuse_access, refuse_environment, refuse_unauthenticated
)
from gateway.domain.credential cimport api_key, bearer_token
from gateway.domain.rate_limit cimport RateLimiter, RateOutcome
from gateway.domain.request_head cimport RequestHead
from gateway.domain.route cimport FoundRoute
from gateway.domain.usage cimport flags_of, is_billable


cdef class Admitted:
    cdef public object upstream, operation, access, shape_response, units
    cdef public bytes rest, headers, request_id
    cdef public bint sandbox
    cdef public long long slot, started_ns, upstream_ns
    cdef public int upstream_status


cdef class Wait:
    cdef public object refusal


cdef class CallGate:
    cdef object _tables, _tokens, _log, _refusals, _clock, _monotonic_ns, _pages, _failures, _identity, _cache
    cdef public bint _pass_unrecorded
    cdef public long long max_body_bytes

    cpdef object admit(self, RequestHead head, bytes peer)
    cdef object _admit_cross_origin(self, RequestHead head, bytes peer, bytes origin)
    @cython.locals(sandbox=bint, admitted=Admitted, route=FoundRoute)
    cdef object _admit(self, RequestHead head, bytes peer)
    cdef object _own_page(self, RequestHead head)
    cdef object _other_operation(self, FoundRoute route, bytes method)
    cdef object _closed(self, object entry, object claims, object api, object credential)
    @cython.locals(token=bytes)
    cdef object _credential(self, RequestHead head, object api, bytes peer)
    cdef object _key_holder(self, bytes shown, object api, bytes peer)
    cdef object _too_many_failures(self, object api, bytes peer)
    @cython.locals(now_ns=cython.longlong, slot=cython.longlong, limiter=RateLimiter, rate=RateOutcome)
    cdef object _reserve(self, Admitted admitted, object entry, object api, object credential)
    cpdef refuse(self, object refusal)
    cpdef refuse_problem(self, object problem)
    @cython.locals(latency_us=cython.longlong, billable=bint)
    cpdef long long record_call(
        self, Admitted call, int status, long long bytes_in, long long bytes_out, bint client_aborted=*,
        bint upstream_failed=*
    ) except? -1
    cpdef heard_upstream(self, Admitted call, int status)
