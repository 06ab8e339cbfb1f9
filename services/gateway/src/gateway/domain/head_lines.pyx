# cython: boundscheck=False, wraparound=False
"""What head_lines.py does, in C. Change both; tests/property/gateway/test_two_forms.py compares them.

Remembered lines stand in a table of fixed size, found by a few of their bytes and compared whole: a line that is not
there, or whose place another line took, is read anew.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_ITEM

from gateway.domain.framing import MAX_HEADERS, METHODS, content_length
from gateway.domain.header_line import connection_options

PASS, DROP, FAULT, LENGTH, CONNECTION, CODING, UPGRADE = range(7)
FINE, MALFORMED_LINE, OTHER_VERSION, OTHER_METHOD, OTHER_TARGET = range(5)

cdef extern from *:
    """
    #define _GNU_SOURCE
    #include <stdint.h>
    #include <string.h>
    static unsigned char head_name[256];   /* lower case of a token's letters; 0 for what no token holds */
    static unsigned char head_value[256];  /* 1 for what a value may hold */
    static unsigned char head_target[256]; /* 1 for what a target may hold */
    static void head_prepare(void) {
        for (int c = 0; c < 256; c++) {
            head_value[c] = c == 9 || (c >= 32 && c < 127) || c >= 128;
            head_target[c] = c > 32 && c < 127 && !strchr("\\"<>\\\\^`{|}#", c);
            if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c && strchr("!#$%&'*+-.^_`|~", c)))
                head_name[c] = c;
            if (c >= 'A' && c <= 'Z') head_name[c] = c + 32;
        }
    }
    static size_t head_place(const unsigned char *at, size_t size) {
        uint64_t first, last;
        memcpy(&first, at, 8); memcpy(&last, at + size - 8, 8);
        first = (first ^ size) * 0x9E3779B97F4A7C15u ^ last;
        return (first * 0xD6E8FEB86659FD93u) >> 52;
    }
    """
    unsigned char[256] head_name, head_value, head_target
    void head_prepare()
    size_t head_place(const unsigned char*, size_t)
    int memcmp(const void*, const void*, size_t)
    void* memcpy(void*, const void*, size_t)
    void* memchr(const void*, int, size_t)

head_prepare()

cdef int _PASS = PASS, _DROP = DROP, _FAULT = FAULT, _LENGTH = LENGTH, _CONNECTION = CONNECTION
cdef int _MAX_HEADERS = MAX_HEADERS
cdef enum:
    _PLACES = 4096  # what head_place says is smaller
    _MAX_KNOWN_BYTES = 1024
    _MAX_RUNS = 256
    _MAX_NAME = 64  # bytes of a name that is ours to read
cdef frozenset _NO_OPTIONS = frozenset()
cdef tuple _METHODS = tuple(METHODS)


cdef class Line:
    def __init__(self, int kind, bytes value):
        self.kind = kind
        self.value = value
        self.length = -1
        if kind == _LENGTH:
            self.length = content_length(value)
            self.value = b"Content-Length: %d\r\n" % self.length
        self.options = connection_options(value) if kind == _CONNECTION else _NO_OPTIONS


cdef Line _PASSED = Line(PASS, b"")
cdef Line _DROPPED = Line(DROP, b"")


cdef class _Name:
    def __init__(self, bytes text, kind, bint repeated):
        self.text = text
        self.special = kind is not None
        self.kind = _PASS if kind is None else kind
        self.repeated = repeated


cdef class LineReader:
    def __init__(self, dict special, frozenset repeated, bint cgi):
        self._cgi = cgi
        self._known = [None] * _PLACES
        self._names = [[] for _ in range(_MAX_NAME)]
        for name in {*special, *repeated}:
            if len(name) >= _MAX_NAME:
                raise ValueError("a name is too long")
            self._initials[len(name)] |= 1u << (name[0] & 31)
            self._names[len(name)].append(_Name(name, special.get(name), name in repeated))

    cpdef bytes read(self, bytes raw, Py_ssize_t start, Py_ssize_t end_at, list found):
        cdef const unsigned char* base = <const unsigned char*>PyBytes_AS_STRING(raw)
        cdef const unsigned char* end = base + end_at
        cdef const unsigned char* at = base + start
        cdef const unsigned char* stop
        cdef Py_ssize_t[_MAX_RUNS] runs  # of lines that are passed on: where each begins
        cdef Py_ssize_t[_MAX_RUNS] sizes
        cdef Py_ssize_t count = 0, run = -1, total = 0, index
        cdef const unsigned char* run_end = NULL
        cdef char* to
        cdef Line line
        cdef bytes passed
        if end_at > PyBytes_GET_SIZE(raw):
            raise ValueError("not a whole head")
        while at < end - 2:
            stop = at
            while True:
                stop = <const unsigned char*>memchr(stop, 13, end - stop - 1)
                if stop == NULL:
                    raise ValueError("not a whole head")
                if stop[1] == 10:
                    break
                stop += 1
            count += 1
            if count > _MAX_HEADERS:
                return None
            line = self._line(at, stop - at)
            stop += 2
            if line.kind == _PASS:
                if run_end != at:
                    run += 1
                    runs[run] = at - base
                    sizes[run] = 0
                sizes[run] += stop - at
                total += stop - at
                run_end = stop
            elif line.kind != _DROP:
                found.append(line)
            at = stop
        passed = PyBytes_FromStringAndSize(NULL, total)
        to = PyBytes_AS_STRING(passed)
        for index in range(run + 1):
            memcpy(to, base + runs[index], sizes[index])
            to += sizes[index]
        return passed

    cpdef Line read_line(self, bytes text):
        return self._line(<const unsigned char*>PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))

    cdef Line _line(self, const unsigned char* at, Py_ssize_t size):
        cdef Py_ssize_t place = -1
        cdef Line line
        if 8 <= size <= _MAX_KNOWN_BYTES:
            place = head_place(at, size)
            known = <object>PyList_GET_ITEM(self._known, place)
            if known is not None:
                line = <Line>known
                if PyBytes_GET_SIZE(line.text) == size and not memcmp(PyBytes_AS_STRING(line.text), at, size):
                    return line
        return self._new_line(at, size, place)

    cdef Line _new_line(self, const unsigned char* at, Py_ssize_t size, Py_ssize_t place):
        cdef Py_ssize_t colon = 0, index, end = size
        cdef bint underscore = False
        cdef unsigned char[_MAX_NAME] letters
        cdef _Name name, other
        cdef Line line
        while colon < size and head_name[at[colon]]:
            underscore |= at[colon] == c"_"
            colon += 1
        if not colon or colon == size or at[colon] != c":":
            return Line(_FAULT, b"")
        for index in range(colon + 1, size):
            if not head_value[at[index]]:
                return Line(_FAULT, b"")
        underscore &= self._cgi
        if colon >= _MAX_NAME or not underscore and not self._initials[colon] & 1u << (at[0] & 31):
            return _PASSED
        for index in range(colon):
            letters[index] = head_name[at[index]]
        name = self._name(letters, colon)
        if underscore and (name is None or not name.special):
            for index in range(colon):
                if letters[index] == c"_":
                    letters[index] = c"-"
            other = self._name(letters, colon)
            if other is not None and other.special:
                return _DROPPED
        if name is None:
            return _PASSED
        if name.kind == _DROP:
            return _DROPPED
        if name.kind == _PASS and not name.repeated:
            return _PASSED
        index = colon + 1
        while index < end and (at[index] == 32 or at[index] == 9):
            index += 1
        while end > index and (at[end - 1] == 32 or at[end - 1] == 9):
            end -= 1
        line = Line(name.kind, PyBytes_FromStringAndSize(<const char*>at + index, end - index))
        if place >= 0 and name.repeated:
            line.text = PyBytes_FromStringAndSize(<const char*>at, size)
            self._known[place] = line
        return line

    cdef _Name _name(self, const unsigned char* letters, Py_ssize_t size):
        cdef _Name name
        for name in <list>PyList_GET_ITEM(self._names, size):
            if not memcmp(PyBytes_AS_STRING(name.text), letters, size):
                return name
        return None


cpdef Py_ssize_t end_of_head(bytes data):
    cdef const char* base = PyBytes_AS_STRING(data)
    cdef const char* end = base + PyBytes_GET_SIZE(data)
    cdef const char* at = base
    while end - at >= 4:
        at = <const char*>memchr(at, 10, end - at - 2)
        if at == NULL:
            return -1
        if at[1] == 13 and at[2] == 10 and at > base and (at - 1)[0] == 13:
            return at + 3 - base
        at += 1
    return -1


cdef class RequestLine:
    cpdef int read_request_line(self, bytes raw):
        cdef const unsigned char* at = <const unsigned char*>PyBytes_AS_STRING(raw)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(raw), index, end = -1
        cdef Py_ssize_t[2] spaces
        cdef int count = 0
        cdef bytes one
        cdef bint known = False
        self.lines_at = 1
        for index in range(size - 1):
            if at[index] == 13 and at[index + 1] == 10:
                end = index
                break
            if at[index] == 32:
                if count < 2:
                    spaces[count] = index
                count += 1
        if end < 0:
            end = size - 1  # a line that does not end: no head at all
        self.lines_at = end + 2
        if count != 2:
            return MALFORMED_LINE
        for one in _METHODS:
            if PyBytes_GET_SIZE(one) == spaces[0] and not memcmp(PyBytes_AS_STRING(one), at, spaces[0]):
                self.method = one
                known = True
                break
        else:
            self.method = raw[: spaces[0]]
        index = spaces[0] + 1
        self.target = PyBytes_FromStringAndSize(<const char*>at + index, spaces[1] - index)
        at += spaces[1] + 1
        size = end - spaces[1] - 1
        self.http_10 = size == 8 and not memcmp(at, b"HTTP/1.0", 8)
        if not self.http_10 and (size != 8 or memcmp(at, b"HTTP/1.1", 8)):
            return OTHER_VERSION if size >= 5 and not memcmp(at, b"HTTP/", 5) else MALFORMED_LINE
        if not known:
            return OTHER_METHOD if _is_token(self.method) else MALFORMED_LINE
        at = <const unsigned char*>PyBytes_AS_STRING(self.target)
        for index in range(PyBytes_GET_SIZE(self.target)):
            if not head_target[at[index]]:
                return MALFORMED_LINE
        return FINE if at[0] == c"/" else OTHER_TARGET


cdef bint _is_token(bytes name):
    cdef const unsigned char* at = <const unsigned char*>PyBytes_AS_STRING(name)
    cdef Py_ssize_t index
    for index in range(PyBytes_GET_SIZE(name)):
        if not head_name[at[index]]:
            return False
    return PyBytes_GET_SIZE(name) > 0
