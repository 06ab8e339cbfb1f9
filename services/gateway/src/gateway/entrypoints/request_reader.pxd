cimport cython

from gateway.domain.framing cimport ChunkedBody
from gateway.domain.request_head cimport RequestHead


cdef class RequestReader:
    cdef public RequestHead head
    cdef public bint complete
    cdef public long long body_bytes
    cdef ChunkedBody _chunks
    cdef long long _left

    @cython.locals(head=RequestHead)
    cpdef object begin(self, bytes raw)
    @cython.locals(end=Py_ssize_t, taken=Py_ssize_t)
    cpdef tuple take(self, bytes data)
