cimport cython

cdef int _MAX_KNOWN_PATHS


cdef class FoundRoute:
    cdef public object api
    cdef public dict methods
    cdef public bytes rest


cdef class RouteTable:
    cdef dict _apis, _keys_of, _known

    cpdef object get(self, object key)
    cpdef put(self, str api_id, dict found)
    @cython.locals(found=FoundRoute, path=bytes, question=bytes, query=bytes)
    cpdef FoundRoute find(self, bytes target)
    @cython.locals(found=FoundRoute)
    cdef FoundRoute _look_up(self, bytes path)
