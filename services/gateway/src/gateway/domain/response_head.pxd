cimport cython

from gateway.domain.octets cimport split_line

cdef int _PASS, _DROP, _FAULT, _LENGTH, _CODING, _CONNECTION, _UPGRADE
cdef int _MAX_KNOWN
cdef dict _SPECIAL
cdef dict _KNOWN
cdef dict _STATUSES
cdef frozenset _STANDARD_OPTIONS
cdef frozenset _REPEATED
cdef object _STATUS_LINE


cdef class _Line:
    cdef int kind
    cdef long long length
    cdef bytes value
    cdef frozenset options


cdef class _Status:
    cdef int code
    cdef bint http_10
    cdef bytes line


@cython.locals(name=bytes, value=bytes, line=_Line)
cdef _Line _read_line(bytes raw)
cdef _Status _read_status(bytes raw)


cdef class ResponseHead:
    cdef public int status
    cdef public bint http_10, chunked, close
    cdef public list lines
    cdef public long long length
    cdef public bytes upgrade
    cdef bytes _status_line
    cdef bint _fault
    cdef frozenset _options

    @cython.locals(lines=list, passed=list, status=_Status, line=_Line, kind=int, at=Py_ssize_t, raw_line=bytes)
    cpdef read(self, bytes raw)
    @cython.locals(kind=int, value=bytes, length=cython.longlong)
    cdef _special(self, _Line line)
    @cython.locals(options=frozenset, named=frozenset)
    cdef _finish(self)
    @cython.locals(lines=list)
    cpdef bytes render(self, bytes ours, bytes body)
