"""The request as the upstream gets it: credentials and hop-by-hop headers are gone, ours are added."""

from gateway.domain.admitted_call import Admitted
from gateway.domain.octets import concat
from gateway.domain.request_head import RequestHead

_SLASH = 0x2F
_IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"))


def is_repeatable(method: bytes) -> bool:
    """RFC 9110 9.2.2: repeating it has the effect of sending it once."""
    return method in _IDEMPOTENT


class Forwarding:
    """Lines that say to the upstream on whose behalf it is called; those of the last call are kept."""

    def __init__(self) -> None:
        self._via = self._scheme = b""
        self._host: bytes | None = None
        self._lines = b""

    def lines(self, via: bytes, scheme: bytes, host: bytes | None) -> bytes:
        """`via`: the addresses of the caller and of the proxies that are trusted."""
        if via is not self._via or host is not self._host or scheme is not self._scheme:
            self._via, self._scheme, self._host = via, scheme, host
            self._lines = b"\r\nX-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\nX-Forwarded-Host: %b\r\n" % (
                via, scheme, host or b"",
            )  # fmt: skip
        return self._lines


def upstream_request(head: RequestHead, call: Admitted, forwarding: bytes) -> bytes:
    """The head in HTTP/1.1, framed anew. `forwarding`: `Forwarding.lines`."""
    upstream, rest = call.upstream, call.rest
    if not upstream.base_path and (not rest or rest[0] != _SLASH):
        rest = b"/" + rest
    said = end = b""
    if head.request_id is not None:
        said, end = b"X-Client-Request-Id: ", b"\r\n"
    parts = [
        head.method, b" ", upstream.base_path, rest, upstream.line_end, head.passed, b"X-Request-Id: ", call.request_id,
        forwarding, said, head.request_id or b"", end,
    ]  # fmt: skip
    if head.chunked:
        parts.append(b"Transfer-Encoding: chunked\r\n")
    elif head.length >= 0:
        parts.append(head.length_line)
    if head.expect_continue and not head.http_10:
        parts.append(b"Expect: 100-continue\r\n")
    if head.is_websocket:
        parts.append(b"Connection: Upgrade\r\nUpgrade: websocket\r\n")
    parts.append(b"\r\n")
    return concat(parts)
