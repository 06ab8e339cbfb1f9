"""Cross-origin calls from browsers: who may read our answers, and what a preflight is told (Fetch standard, 3.2)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from gateway.domain.problems import Refusal
from gateway.domain.request_head import RequestHead

_OURS = b"access-control-"
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
MAX_AGE_SECONDS = 600

ShapeResponse = Callable[[int, Sequence[bytes]], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the gateway's own that is no problem. `headers`: complete lines."""

    status: int
    headers: bytes = b""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class CrossOriginRule:
    """Which origins may call, and what they may send and read. Empty `headers`: whatever the browser asks for."""

    origins: frozenset[bytes]
    any_origin: bool = False
    methods: bytes = _METHODS
    headers: bytes = b""
    exposed: bytes = b"*"
    credentials: bool = False
    max_age_seconds: int = MAX_AGE_SECONDS

    def allows(self, origin: bytes) -> bool:
        """Whether pages of this origin may call."""
        return self.any_origin or origin in self.origins

    def answer_headers(self, origin: bytes) -> bytes:
        """Lines for every answer to this origin, refusals included, or the page could not tell why."""
        exposed = b"Access-Control-Expose-Headers: %b\r\n" % self.exposed if self.exposed else b""
        return self._origin_lines(origin) + exposed

    def preflight(self, origin: bytes, asked_headers: bytes | None) -> Reply:
        """What the browser may send."""
        allowed = self.headers or asked_headers
        lines = [
            self._origin_lines(origin),
            b"Access-Control-Allow-Methods: %b\r\n" % self.methods,
            b"Access-Control-Allow-Headers: %b\r\n" % allowed if allowed else b"",
            b"Access-Control-Max-Age: %d\r\n" % self.max_age_seconds,
        ]
        return Reply(204, b"".join(lines))

    def _origin_lines(self, origin: bytes) -> bytes:
        # A wildcard and credentials exclude each other; the named origin makes the answer differ by origin.
        if self.any_origin and not self.credentials:
            return b"Access-Control-Allow-Origin: *\r\n"
        credentials = b"Access-Control-Allow-Credentials: true\r\n" if self.credentials else b""
        return b"Access-Control-Allow-Origin: %b\r\nVary: Origin\r\n%b" % (origin, credentials)


def origin_of(url: str) -> bytes:
    """The origin that a browser sends for pages under `url`. Raises ValueError when it has none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} has no origin")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = {"http": 80, "https": 443}[parts.scheme]
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}".encode("ascii")


def rule_for_pages(urls: Sequence[str]) -> CrossOriginRule:
    """Pages of ours may call every API: they try it with the developer's own token."""
    origins = {origin_of(url) for url in urls}
    # People type either name of the loopback; browsers take them for two origins.
    origins |= {origin.replace(b"//127.0.0.1", b"//localhost") for origin in origins}
    return CrossOriginRule(frozenset(origins))


def is_preflight(head: RequestHead) -> bool:
    """A browser asks before it calls; it sends no credentials with that."""
    return head.method == b"OPTIONS" and head.value(b"access-control-request-method") is not None


def without_cross_origin_lines(_: int, lines: Sequence[bytes]) -> Sequence[bytes]:
    """Where the gateway answers for the upstream, the upstream's own lines would be a second, contradicting answer."""
    return [line for line in lines if line[: len(_OURS)].lower() != _OURS]


def after(first: ShapeResponse, then: ShapeResponse | None) -> ShapeResponse:
    """One change after the other."""
    if then is None:
        return first
    following = then
    return lambda status, lines: following(status, first(status, lines))


def with_headers(refusal: Refusal, lines: bytes) -> Refusal:
    """The refusal, readable for the page that called."""
    return replace(refusal, headers=refusal.headers + lines)
