"""Around every request: its trace, its metrics, and the headers that keep browsers safe."""

import time
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal_api.http.reference import DOCS_PATH, DOCS_POLICY
from portal_api.http.request_context import answering
from shared.observability.tracing import trace

# Pages have no inline script and load nothing from elsewhere; forms may lead to Stripe's Checkout by redirect.
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'",
}
Observe = Callable[[str, int, float], None]


class EdgeMiddleware:
    """Plain ASGI, so that streams pass through untouched. `observe` gets method, status and seconds."""

    def __init__(self, app: ASGIApp, *, observe: Observe, secure: bool) -> None:
        self._app = app
        self._observe = observe
        self._headers = dict(_HEADERS)
        if secure:
            self._headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._finish(scope, message, time.monotonic() - started)
            await send(message)

        with trace(Headers(scope=scope).get("traceparent")), answering(scope):
            await self._app(scope, receive, send_with_headers)

    def _finish(self, scope: Scope, message: Message, seconds: float) -> None:
        self._observe(scope["method"], message["status"], seconds)
        headers = MutableHeaders(scope=message)
        for name, value in self._headers.items():
            headers.setdefault(name, value)
        path = scope["path"]
        if path == DOCS_PATH:
            headers["Content-Security-Policy"] = DOCS_POLICY
        if path.startswith("/v1/"):
            headers.setdefault("Cache-Control", "no-store")
        if message["status"] == 401:
            headers.setdefault("WWW-Authenticate", 'Bearer realm="tollway"')
