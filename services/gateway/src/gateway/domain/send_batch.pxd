cimport cython


cdef class Stream:
    cpdef write(self, bytes data)


cdef class Sender:
    cpdef send_now(self)
    cpdef data_received(self, bytes data)


cdef class SendBatch:
    cdef object _schedule
    cdef list _waiting
    cdef readonly bint held

    cpdef add(self, Sender sender)
    cpdef hold(self)
    cpdef release(self)
    @cython.locals(sender=Sender, waiting=list)
    cpdef flush(self)
