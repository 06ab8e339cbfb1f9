from gateway.domain.access_slot cimport AccessSlot
from gateway.domain.response_head cimport ResponseHead
from gateway.domain.route cimport FoundRoute
from gateway.domain.stream cimport StreamOwner
from gateway.domain.upstream cimport Upstream


cdef class Tables:
    cdef public long long identities
    cdef public bint is_fresh
    cdef public dict usage_lines

    cpdef FoundRoute find_route(self, bytes target)
    cpdef object client(self, str client_id)
    cpdef object api_key(self, str sha256)
    cpdef AccessSlot access(self, str application_id, str api_id, bint sandbox)


cdef class CallLog:
    cpdef long long open_call(
        self, long long subscription, long long application, long api, long operation, long plan, int flags
    ) except? -2
    cpdef bytes request_id(self, long long slot)
    cpdef append(
        self, long long slot, long long bytes_in, long long bytes_out, long long units, long long latency_us,
        long long upstream_us, int status, int flags
    )


cdef class ResponseSink(StreamOwner):
    cdef public bint http_10, is_head, wants_websocket, request_complete

    cpdef bint is_complete(self) except -1
    cpdef on_repeated(self, Exchange exchange)
    cpdef on_interim(self, ResponseHead head)
    cpdef on_switch(self, ResponseHead head, bytes first)
    cpdef on_response(self, ResponseHead head, bytes first, bint last)
    cpdef on_body(self, bytes data)
    cpdef on_end(self, bytes data)
    cpdef on_failure(self, str problem_name)
    cpdef pause_request(self)
    cpdef resume_request(self)


cdef class Exchange(StreamOwner):
    cdef public long long payload_bytes

    cpdef send(self, bytes data)
    cpdef pause(self)
    cpdef resume(self)
    cpdef finish_sending(self)
    cpdef abort(self)


cdef class Upstreams:
    cpdef Exchange send(self, Upstream upstream, bytes data, ResponseSink sink, bint repeatable)
