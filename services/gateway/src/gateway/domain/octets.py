"""The byte work of reading heads. `octets.pyx` does the same in C, where a compiler was."""

import re

concat = b"".join
begins_with = bytes.startswith

VALUE_BYTES = bytes([9, *range(32, 127), *range(128, 256)])
_TARGET_BYTES = bytes(c for c in range(33, 127) if c not in b'"<>\\^`{|}#')
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch


def part(data: bytes, start: int, stop: int) -> bytes:
    """The bytes from `start` to before `stop`, which lie within `data`."""
    return data[start:stop]


def is_token(name: bytes) -> bool:
    """RFC 9110 5.6.2."""
    return _TOKEN(name) is not None


def is_target(target: bytes) -> bool:
    """Nothing but what a request target may hold, and no `#`."""
    return not target.translate(None, _TARGET_BYTES)


def split_line(raw: bytes) -> tuple[bytes, bytes] | None:
    """Lower-case name and trimmed value; None for what is no header line."""
    name, colon, value = raw.partition(b":")
    if not colon or _TOKEN(name) is None or value.translate(None, VALUE_BYTES):
        return None
    return name.lower(), value.strip(b" \t")
