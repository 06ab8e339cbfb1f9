# cython: boundscheck=False, wraparound=False
"""What octets.py does, in C. Change both; tests/property/gateway/test_two_forms.py compares them."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcmp, memcpy

cdef extern from "Python.h":
    Py_ssize_t PySequence_Fast_GET_SIZE(object)
    void* PySequence_Fast_GET_ITEM(object, Py_ssize_t)

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


cpdef bytes concat(object parts):
    """Of a list or a tuple."""
    cdef Py_ssize_t size = 0, index, length
    cdef Py_ssize_t count
    cdef bytes joined
    cdef char* to
    if type(parts) is not list and type(parts) is not tuple:
        raise TypeError("a list or a tuple is expected")
    count = PySequence_Fast_GET_SIZE(parts)
    for index in range(count):
        one = <object>PySequence_Fast_GET_ITEM(parts, index)
        if type(one) is not bytes:
            raise TypeError("bytes are expected")
        size += PyBytes_GET_SIZE(one)
    joined = PyBytes_FromStringAndSize(NULL, size)
    to = PyBytes_AS_STRING(joined)
    for index in range(count):
        one = <object>PySequence_Fast_GET_ITEM(parts, index)
        length = PyBytes_GET_SIZE(one)
        memcpy(to, PyBytes_AS_STRING(one), length)
        to += length
    return joined


cpdef bint begins_with(bytes data, bytes start):
    cdef Py_ssize_t size = PyBytes_GET_SIZE(start)
    return size <= PyBytes_GET_SIZE(data) and not memcmp(PyBytes_AS_STRING(data), PyBytes_AS_STRING(start), size)


cpdef bytes part(bytes data, Py_ssize_t start, Py_ssize_t stop):
    if start < 0 or start > stop or stop > PyBytes_GET_SIZE(data):
        raise IndexError("not within the data")
    if not start and stop == PyBytes_GET_SIZE(data):
        return data
    return PyBytes_FromStringAndSize(PyBytes_AS_STRING(data) + start, stop - start)


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
