cdef class Stream:
    cpdef write(self, bytes data)
    cpdef write_soon(self, bytes data)


cdef class StreamOwner:
    cpdef data_received(self, bytes data)
