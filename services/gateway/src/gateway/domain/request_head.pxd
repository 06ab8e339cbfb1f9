cimport cython

from gateway.domain.framing cimport target_problem
from gateway.domain.head_lines cimport Line, LineReader, RequestLine

cdef int _LENGTH, _CONNECTION, _CODING, _UPGRADE
cdef int _HOST, _AUTHORIZATION, _API_KEY, _EXPECT, _REQUEST_ID, _FORWARDED, _ORIGIN
cdef int FINE, OTHER_METHOD, OTHER_TARGET, OTHER_VERSION
cdef frozenset _STANDARD_OPTIONS
cdef LineReader _LINES


cdef class RequestHead(RequestLine):
    cdef public bytes host, authorization, api_key, request_id, forwarded_for, upgrade, origin, length_line, passed
    cdef public bint is_head, is_websocket, chunked, close, expect_continue
    cdef public long long length
    cdef public object problem
    cdef frozenset _options, _judged, _named
    cdef list _found

    cpdef begin(self, bytes method, bytes target, bint http_10)
    cdef _forget(self)
    @cython.locals(fault=int, found=list, passed=bytes, line=Line)
    cpdef object read(self, bytes raw)
    cdef object _request_line_problem(self, int fault)
    @cython.locals(kind=int, value=bytes, length=cython.longlong)
    cdef _special(self, Line line)
    cdef _rare(self, int kind, bytes value)
    @cython.locals(options=frozenset)
    cdef object _finish(self)
    cdef _take_authority(self)
    cpdef bytes value(self, bytes name)
