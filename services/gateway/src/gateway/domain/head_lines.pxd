cdef class Line:
    cdef readonly int kind
    cdef readonly bytes value
    cdef readonly long long length
    cdef readonly frozenset options
    cdef bytes text  # of a line that is remembered


cdef class _Name:
    cdef bytes text
    cdef int kind
    cdef bint special, repeated


cdef class LineReader:
    cdef list _names  # by length
    cdef bint _cgi
    cdef list _known
    cdef unsigned int[64] _initials

    cpdef bytes read(self, bytes raw, Py_ssize_t start, Py_ssize_t end_at, list found)
    cpdef Line read_line(self, bytes text)
    cdef Line _line(self, const unsigned char* at, Py_ssize_t size)
    cdef _Name _name(self, const unsigned char* letters, Py_ssize_t size)
    cdef Line _new_line(self, const unsigned char* at, Py_ssize_t size, Py_ssize_t place)


cdef class RequestLine:
    cdef public bytes method, target
    cdef public bint http_10
    cdef public Py_ssize_t lines_at

    cpdef int read_request_line(self, bytes raw)


cpdef Py_ssize_t end_of_head(bytes data)
