cimport cython

from gateway.domain.admitted_call cimport Admitted
from gateway.domain.head_lines cimport end_of_head
from gateway.domain.request_head cimport RequestHead
from gateway.domain.response_head cimport ResponseHead
from gateway.entrypoints.client_stream cimport ClientStream
from gateway.entrypoints.request_reader cimport RequestReader
from gateway.entrypoints.upstream_request cimport is_repeatable, upstream_request
from gateway.metrics cimport CallCounts
from gateway.ports cimport Exchange, Upstreams
from gateway.ticks cimport now_seconds
from gateway.use_cases cimport CallGate

cdef int _IDLE, _WAITING, _CALL, _TUNNEL, _SKIP, _DRAIN
cdef int _BY_NONE, _BY_CLIENT, _BY_UPSTREAM
cdef object _TIMEOUT


cdef class ClientConnection(ClientStream):
    cdef object _proxy
    cdef Upstreams _upstreams
    cdef Exchange _exchange
    cdef CallGate _gate
    cdef CallCounts _stats
    cdef RequestReader _reader
    cdef RequestHead _head
    cdef bytes _buffer
    cdef int _state
    cdef Admitted _call
    cdef bint _started, _close_after, _advancing
    cdef double _wait_until, _seen

    cpdef connection_made(self, object transport)
    cpdef data_received(self, bytes data)
    cpdef bint eof_received(self) except -1
    cpdef connection_lost(self, object exc)
    cpdef pause_writing(self)
    cpdef resume_writing(self)
    cdef _advance(self)
    @cython.locals(buffer=bytes, raw=bytes, end=Py_ssize_t, head=RequestHead)
    cdef bint _next_request(self) except -1
    @cython.locals(stripped=bytes)
    cdef bint _on_unfinished_head(self) except -1
    cdef _decide(self)
    cdef _wait(self, object outcome)
    cpdef _decide_again(self)
    @cython.locals(head=RequestHead, data=bytes)
    cdef _forward(self, Admitted call)
    @cython.locals(body=bytes, rest=bytes)
    cdef _on_body(self, bytes data)
    cpdef on_repeated(self, Exchange exchange)
    cpdef on_interim(self, ResponseHead head)
    @cython.locals(call=Admitted, data=bytes)
    cpdef on_switch(self, ResponseHead head, bytes first)
    @cython.locals(call=Admitted, end=bytes, data=bytes)
    cpdef on_response(self, ResponseHead head, bytes first, bint last)
    cpdef on_body(self, bytes data)
    cpdef on_end(self, bytes data)
    cdef _end(self, Admitted call, bytes data, long long ended_ns)
    @cython.locals(call=Admitted)
    cpdef on_failure(self, str problem_name)
    @cython.locals(exchange=Exchange, fault=int, latency_us=cython.longlong)
    cdef _record(self, Admitted call, int status, bint client_aborted, bint upstream_failed, long long ended_ns=*)
    cdef _refuse(self, object refusal)
    @cython.locals(head=RequestHead, data=bytes)
    cdef _answer_early(self, object outcome)
    @cython.locals(call=Admitted)
    cdef _end_call(self, object problem)
    cdef _break_off(self, object problem)
    cdef _answer(self, object answer, bytes headers=*, bytes request_id=*)
    cdef _answered(self)
    cpdef sweep(self, double now)
    cpdef abort(self)
