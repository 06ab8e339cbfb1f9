"""The request as the upstream gets it: credentials and hop-by-hop headers are gone, ours are added."""

from gateway.domain.request_head import RequestHead
from gateway.use_cases import Admitted

_IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"))


def is_repeatable(method: bytes) -> bool:
    """RFC 9110 9.2.2: repeating it has the effect of sending it once."""
    return method in _IDEMPOTENT


def upstream_request(head: RequestHead, call: Admitted, peer: bytes) -> bytes:
    """The head in HTTP/1.1, framed anew."""
    upstream = call.upstream
    rest = call.rest
    path = upstream.base_path + rest
    if path[:1] != b"/":
        path = b"/" + path
    lines = [
        head.method + b" " + path + b" HTTP/1.1",
        b"Host: " + upstream.authority,
        *head.lines,
        b"X-Request-Id: " + call.request_id,
        b"X-Forwarded-For: " + (peer if head.forwarded_for is None else head.forwarded_for + b", " + peer),
        b"X-Forwarded-Proto: http",
        b"X-Forwarded-Host: " + (head.host or b""),
    ]
    if head.request_id is not None:
        lines.append(b"X-Client-Request-Id: " + head.request_id)
    if head.chunked:
        lines.append(b"Transfer-Encoding: chunked")
    elif head.length >= 0:
        lines.append(b"Content-Length: %d" % head.length)
    if head.expect_continue and not head.http_10:
        lines.append(b"Expect: 100-continue")
    lines.append(b"\r\n")
    return b"\r\n".join(lines)
