"""One line of a head, read strictly: a token, a colon, and a value without control characters.

Both sides of the gateway read lines by this rule, so no line means one thing to us and another to the next server:
a bare CR or LF, a fold, a space before the colon or a NUL is no line at all.
"""

import re

_VALUE_BYTES = bytes([9, *range(32, 127), *range(128, 256)])
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch


def is_token(name: bytes) -> bool:
    """RFC 9110 5.6.2."""
    return _TOKEN(name) is not None


def split_line(raw: bytes) -> tuple[bytes, bytes] | None:
    """Lower-case name and trimmed value; None for what is no header line."""
    name, colon, value = raw.partition(b":")
    if not colon or _TOKEN(name) is None or value.translate(None, _VALUE_BYTES):
        return None
    return name.lower(), value.strip(b" \t")


def connection_options(value: bytes) -> frozenset[bytes]:
    """The options of a Connection header, lower case."""
    return frozenset(option.strip(b" \t").lower() for option in value.split(b","))


def without_named(lines: list[bytes], names: frozenset[bytes]) -> list[bytes]:
    """The lines whose name is not among `names`: what is declared as meant for this hop only ends here."""
    return [line for line in lines if line.partition(b":")[0].lower() not in names]
