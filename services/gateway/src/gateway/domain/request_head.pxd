cimport cython

from gateway.domain.framing cimport target_problem
from gateway.domain.octets cimport is_token, split_line

cdef int _PASS, _DROP, _FAULT, _HOST, _AUTHORIZATION, _API_KEY, _LENGTH, _CODING
cdef int _CONNECTION, _EXPECT, _REQUEST_ID, _FORWARDED, _UPGRADE, _ORIGIN
cdef int _MAX_KNOWN, _MAX_KNOWN_BYTES
cdef dict _SPECIAL
cdef dict _KNOWN
cdef frozenset _STANDARD_OPTIONS
cdef frozenset _REPEATED


cdef class _Line:
    cdef int kind
    cdef long long length
    cdef bytes value
    cdef frozenset options


@cython.locals(kind=int, name=bytes, value=bytes, line=_Line)
cdef _Line _read_line(bytes raw)


cdef class RequestHead:
    cdef public bytes method, target, host, authorization, api_key, request_id, forwarded_for, upgrade, origin
    cdef public bint http_10, is_head, is_websocket, chunked, close, expect_continue
    cdef public list lines
    cdef public long long length
    cdef public object problem
    cdef frozenset _options

    cpdef begin(self, bytes method, bytes target, bint http_10)
    @cython.locals(lines=list, parts=list, method=bytes, target=bytes, version=bytes, passed=list, at=Py_ssize_t)
    cpdef object read(self, bytes raw)
    cdef object _request_line_problem(self, bytes version)
    @cython.locals(kind=int, line=_Line)
    cpdef add_line(self, bytes raw, list passed)
    @cython.locals(kind=int, value=bytes, length=cython.longlong)
    cdef _special(self, _Line line)
    cdef _rare(self, int kind, bytes value)
    @cython.locals(options=frozenset, named=frozenset)
    cpdef object finish(self)
    cdef _take_authority(self)
    cpdef bytes value(self, bytes name)
