cimport cython

from gateway.domain.head_lines cimport Line, LineReader, end_of_head
from gateway.domain.octets cimport begins_with, concat, part

cdef int _LENGTH, _CONNECTION, _CODING, _UPGRADE
cdef dict _STATUSES
cdef frozenset _STANDARD_OPTIONS
cdef object _STATUS_LINE
cdef LineReader _LINES


cdef class _Status:
    cdef int code
    cdef bint http_10
    cdef bytes line, raw


cdef _Status _read_status(bytes raw)


cdef class ResponseHead:
    cdef public int status
    cdef public bint http_10, chunked, close
    cdef public bytes passed, framing, length_line
    cdef public long long length
    cdef public bytes upgrade
    cdef bytes _status_line
    cdef _Status _last
    cdef bytes _read, _read_passed
    cdef bint _fault
    cdef frozenset _options, _judged, _named
    cdef list _found

    @cython.locals(end=Py_ssize_t, known=bytes)
    cpdef Py_ssize_t read(self, bytes raw) except? -1
    @cython.locals(first=bytes, passed=bytes, status=_Status, line=Line, found=list)
    cdef _read_anew(self, bytes raw, Py_ssize_t end)
    @cython.locals(kind=int, value=bytes, length=cython.longlong)
    cdef _special(self, Line line)
    @cython.locals(options=frozenset)
    cdef _finish(self)
    cpdef bytes render(self, bytes ours, bytes request_id, bytes end, bytes body)
    cpdef bytes render_plain(self, bytes ours, bytes body)
