cimport cython

from gateway.domain.upstream cimport Upstream

cdef int _MAX_KNOWN_PATHS


cdef class OperationRoute:
    cdef readonly long number
    cdef readonly long long units
    cdef readonly object policies


cdef class ApiRoutes:
    cdef readonly str api_id, organization_id, environment, lifecycle
    cdef readonly long api_number
    cdef readonly bint sandbox, is_plain
    cdef readonly object sunset_at, root, cross_origin
    cdef public Upstream upstream


cdef class FoundRoute:
    cdef readonly ApiRoutes api
    cdef readonly dict methods
    cdef readonly bytes rest


cdef class RouteTable:
    cdef dict _apis, _keys_of, _known

    cpdef ApiRoutes get(self, object key)
    cpdef put(self, str api_id, dict found)
    @cython.locals(found=FoundRoute, path=bytes, question=bytes, query=bytes)
    cpdef FoundRoute find(self, bytes target)
    @cython.locals(found=FoundRoute)
    cdef FoundRoute _look_up(self, bytes path)
