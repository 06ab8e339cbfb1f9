cpdef bint is_token(bytes name)
cpdef bint is_target(bytes target)
cpdef tuple split_line(bytes raw)
