"""The request as the upstream gets it: credentials and hop-by-hop headers are gone, ours are added."""

from gateway.domain.admitted_call import Admitted
from gateway.domain.request_head import RequestHead

_IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"))


def is_repeatable(method: bytes) -> bool:
    """RFC 9110 9.2.2: repeating it has the effect of sending it once."""
    return method in _IDEMPOTENT


def upstream_request(head: RequestHead, call: Admitted, via: bytes, scheme: bytes) -> bytes:
    """The head in HTTP/1.1, framed anew. `via`: the addresses of the caller and of the proxies that are trusted."""
    upstream = call.upstream
    parts = [
        head.method,
        b" ",
        upstream.base_path,
        call.rest if upstream.base_path or call.rest[:1] == b"/" else b"/" + call.rest,
        upstream.line_end,
        head.passed,
        b"X-Request-Id: ",
        call.request_id,
        b"\r\nX-Forwarded-For: ",
        via,
        b"\r\nX-Forwarded-Proto: ",
        scheme,
        b"\r\nX-Forwarded-Host: ",
        head.host or b"",
        b"\r\n",
    ]
    if head.request_id is not None:
        parts += (b"X-Client-Request-Id: ", head.request_id, b"\r\n")
    if head.chunked:
        parts.append(b"Transfer-Encoding: chunked\r\n")
    elif head.length >= 0:
        parts.append(head.length_line)
    if head.expect_continue and not head.http_10:
        parts.append(b"Expect: 100-continue\r\n")
    if head.is_websocket:
        parts.append(b"Connection: Upgrade\r\nUpgrade: websocket\r\n")
    parts.append(b"\r\n")
    return b"".join(parts)
