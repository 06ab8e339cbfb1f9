"""Who is at the other end of a connection, as far as it can be told."""

from fastapi import Request


def client_of(request: Request) -> tuple[str, str]:
    """Network address and user agent. Behind a proxy that the operator named (FORWARDED_ALLOW_IPS), the address is
    the one that the proxy tells."""
    return request.client.host if request.client else "unknown", request.headers.get("user-agent", "")
