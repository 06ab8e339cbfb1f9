"""The request as the upstream gets it: credentials and hop-by-hop headers are gone, ours are added."""

from gateway.domain.request_head import RequestHead
from gateway.use_cases import Admitted

_IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"))


def is_repeatable(method: bytes) -> bool:
    """RFC 9110 9.2.2: repeating it has the effect of sending it once."""
    return method in _IDEMPOTENT


def upstream_request(head: RequestHead, call: Admitted, via: bytes, scheme: bytes) -> bytes:
    """The head in HTTP/1.1, framed anew. `via`: the addresses of the caller and of the proxies that are trusted."""
    upstream = call.upstream
    path = upstream.base_path + call.rest
    if path[:1] != b"/":
        path = b"/" + path
    lines = head.lines
    lines.insert(0, b"%b %b HTTP/1.1\r\nHost: %b" % (head.method, path, upstream.authority))
    lines.append(
        b"X-Request-Id: %b\r\nX-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\nX-Forwarded-Host: %b"
        % (
            call.request_id,
            via,
            scheme,
            head.host or b"",
        )
    )
    if head.request_id is not None:
        lines.append(b"X-Client-Request-Id: " + head.request_id)
    if head.chunked:
        lines.append(b"Transfer-Encoding: chunked")
    elif head.length >= 0:
        lines.append(b"Content-Length: %d" % head.length)
    if head.expect_continue and not head.http_10:
        lines.append(b"Expect: 100-continue")
    if head.is_websocket:
        lines.append(b"Connection: Upgrade\r\nUpgrade: websocket")
    lines.append(b"\r\n")
    return b"\r\n".join(lines)
