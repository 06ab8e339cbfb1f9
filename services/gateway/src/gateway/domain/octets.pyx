# cython: boundscheck=False, wraparound=False
"""What octets.py does, in C. Change both; tests/property/gateway/test_two_forms.py compares them."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

cdef unsigned char[256] _LOWER  # of a token's letters; 0 for what no token holds
cdef bint[256] _VALUE
cdef bint[256] _TARGET

cdef int _octet
for _octet in range(256):
    _LOWER[_octet] = 0
    _VALUE[_octet] = _octet == 9 or 32 <= _octet < 127 or _octet >= 128
    _TARGET[_octet] = 33 <= _octet < 127 and _octet not in b'"<>\\^`{|}#'
for _octet in b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz":
    _LOWER[_octet] = _octet
for _octet in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ":
    _LOWER[_octet] = _octet + 32


cpdef bint is_token(bytes name):
    cdef const unsigned char* at = <const unsigned char*>PyBytes_AS_STRING(name)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(name)
    cdef Py_ssize_t index
    for index in range(size):
        if not _LOWER[at[index]]:
            return False
    return size > 0


cpdef bint is_target(bytes target):
    cdef const unsigned char* at = <const unsigned char*>PyBytes_AS_STRING(target)
    cdef Py_ssize_t index
    for index in range(PyBytes_GET_SIZE(target)):
        if not _TARGET[at[index]]:
            return False
    return True


cpdef tuple split_line(bytes raw):
    cdef const unsigned char* at = <const unsigned char*>PyBytes_AS_STRING(raw)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(raw)
    cdef Py_ssize_t colon = 0, index
    cdef bytes name
    cdef unsigned char* letters
    while colon < size and _LOWER[at[colon]]:
        colon += 1
    if not colon or colon == size or at[colon] != c":":
        return None
    for index in range(colon + 1, size):
        if not _VALUE[at[index]]:
            return None
    name = PyBytes_FromStringAndSize(NULL, colon)
    letters = <unsigned char*>PyBytes_AS_STRING(name)
    for index in range(colon):
        letters[index] = _LOWER[at[index]]
    index = colon + 1
    while index < size and (at[index] == 32 or at[index] == 9):
        index += 1
    while size > index and (at[size - 1] == 32 or at[size - 1] == 9):
        size -= 1
    return name, PyBytes_FromStringAndSize(<const char*>at + index, size - index)
