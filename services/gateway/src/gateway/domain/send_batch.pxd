cimport cython


cdef class Sender:
    cpdef send_now(self)


cdef class SendBatch:
    cdef object _schedule
    cdef list _waiting

    cpdef add(self, Sender sender)
    @cython.locals(sender=Sender, waiting=list)
    cpdef flush(self)
