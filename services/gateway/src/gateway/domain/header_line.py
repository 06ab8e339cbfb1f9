"""One line of a head, read strictly: a token, a colon, and a value without control characters.

Both sides of the gateway read lines by this rule (`octets.split_line`), so no line means one thing to us and another to
the next server: a bare CR or LF, a fold, a space before the colon or a NUL is no line at all.
"""


def connection_options(value: bytes) -> frozenset[bytes]:
    """The options of a Connection header, lower case."""
    return frozenset([option.strip(b" \t").lower() for option in value.split(b",")])


def without_named(lines: list[bytes], names: frozenset[bytes]) -> list[bytes]:
    """The lines whose name is not among `names`: what is declared as meant for this hop only ends here."""
    return [line for line in lines if line.partition(b":")[0].lower() not in names]
