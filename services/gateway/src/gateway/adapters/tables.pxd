from gateway.adapters.access_table cimport AccessTable
from gateway.domain.access_slot cimport AccessSlot
from gateway.domain.route cimport FoundRoute, RouteTable
from gateway.ports cimport Tables


cdef class GatewayTables(Tables):
    cdef object _tokens
    cdef dict _versions, _clients, _api_keys, _hashes_of
    cdef AccessTable _access
    cdef public list changed
    cdef RouteTable _routes

    cpdef object routes(self, tuple key)
