cdef class _SigningKey:
    cdef public object key, not_after, not_before


cdef class AccessTokens:
    cdef object _issuer, _seconds
    cdef dict _keys, _kids
    cdef readonly dict _verified, _refused

    cpdef put_key(self, str kid, object state)
    cpdef object verify(self, bytes token)
    cdef object _refuse(self, bytes token, str name)
    cdef object _check(self, bytes token)
    cdef str _kid(self, bytes header_part)
    cdef object _claims(self, object claims, double now, double key_ends_at)


cdef bytes _decode(bytes part)
