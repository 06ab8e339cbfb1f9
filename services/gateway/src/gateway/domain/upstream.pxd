cdef class Upstream:
    cdef readonly bint tls
    cdef readonly str host, tls_ca_pem, tls_server_name
    cdef readonly int port, max_connections
    cdef readonly bytes base_path, authority, line_end
    cdef readonly double timeout_seconds, connect_seconds, first_byte_seconds, total_seconds
    cdef readonly tuple address
    cdef public object group, mock, lane
    cdef Upstream _plain
