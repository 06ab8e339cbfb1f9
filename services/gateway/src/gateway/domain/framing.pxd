cimport cython

from gateway.domain.octets cimport is_target, split_line

cdef object _ABSOLUTE
cdef object _CHUNK_SIZE
cdef frozenset _FORBIDDEN_TRAILERS

cpdef object target_problem(bytes target)
cpdef object unfinished_head_problem(bytes received)
cpdef long long content_length(bytes value) except? -2


cdef class ChunkedBody:
    cdef int _state
    cdef long long _need
    cdef bytes _line
    cdef Py_ssize_t _trailer_bytes
    cdef public list payload
    cdef public long long payload_bytes

    @cython.locals(size=Py_ssize_t, taken=Py_ssize_t, end=Py_ssize_t, line=bytes)
    cpdef Py_ssize_t feed(self, bytes data, Py_ssize_t position=*) except? -2
    cdef bint _on_line(self, bytes line) except -1
