from gateway.domain.route cimport FoundRoute, RouteTable


cdef class GatewayTables:
    cdef object _tokens
    cdef dict _versions, _clients, _api_keys, _hashes_of
    cdef object _access
    cdef public object access, changed
    cdef RouteTable _routes
    cdef bint _fresh

    cpdef object routes(self, tuple key)
    cpdef FoundRoute find_route(self, bytes target)
    cpdef object client(self, str client_id)
    cpdef object api_key(self, str sha256)
    cpdef bint are_fresh(self) except -1
