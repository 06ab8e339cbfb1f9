"""Answers kept for a while and given again: HTTP caching (RFC 9111) for a cache that many consumers share.

Strict where the standard lets a cache choose: only explicit freshness, nothing stale, nothing partial, no guesses. All
callers show credentials, so an answer is the caller's own (RFC 9111 3.5) unless it says `public` or `s-maxage`.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime

from shared.policies import ResponseCaching
from shared.policy_kind import PolicyCall

UNSAFE = frozenset((b"POST", b"PUT", b"PATCH", b"DELETE"))
_STATUSES = {
    200: b"OK",
    203: b"Non-Authoritative Information",
    301: b"Moved Permanently",
    308: b"Permanent Redirect",
    404: b"Not Found",
    410: b"Gone",
}
# What the gateway adds or takes itself: the key does not know it, so an answer that varies by it is never the same.
_OURS = frozenset(b"* host x-request-id x-forwarded-for x-forwarded-proto x-forwarded-host traceparent".split())
_CREDENTIALS = frozenset((b"authorization", b"x-api-key", b"apikey"))
_FRAMING = frozenset((b"content-length", b"transfer-encoding", b"age"))
_IN_304 = frozenset(b"cache-control content-location date etag expires vary age last-modified".split())
_DIRECTIVE = re.compile(rb'([!#$%&\'*+\-.^_`|~0-9A-Za-z]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?[ \t]*(?:,|$)')
_VARIANTS = 20
_ENTRY_BYTES = 600  # of Python's own, about

Place = tuple[int, bytes]  # which policies were in force, path and query


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A whole answer, as an upstream would send it before it closes."""

    raw: bytes

    def answer(self) -> bytes:
        """Its bytes."""
        return self.raw


@dataclass(frozen=True, slots=True)
class _Stored:
    vary: tuple[tuple[bytes, bytes], ...]
    status: int
    lines: tuple[bytes, ...]
    body: bytes
    born: float  # real seconds at which its age was 0
    ends: float

    @property
    def size(self) -> int:
        return len(self.body) + sum(map(len, self.lines)) + _ENTRY_BYTES


class Recording:
    """A call on its way to the upstream whose answer may be kept, or makes what is kept worthless."""

    def __init__(self, cache: "ResponseCache", settings: ResponseCaching, place: Place, call: PolicyCall) -> None:
        self._cache = cache
        self._settings = settings
        self._place = place
        self._call = call
        self._request = tuple(call.lines)  # what the upstream gets is made of the same list
        self._asked = cache.seconds()
        self._kept: tuple[bool, _Stored] | None = None
        self._pieces: list[bytes] = []
        self._bytes = 0

    def begin(self, status: int, lines: Sequence[bytes]) -> bool:
        """The answer's head came; whether its body is wanted."""
        if self._call.method in UNSAFE:
            if status < 400:
                self._cache.invalidate(self._place)
            return False
        self._kept = judge(self._settings, self._request, status, lines, self._asked, self._cache.seconds())
        return self._kept is not None

    def add(self, data: bytes) -> None:
        """More of the body, without its framing."""
        self._bytes += len(data)
        if self._bytes > self._settings.max_bytes:
            self._kept = None
            self._pieces.clear()
        elif self._kept is not None:
            self._pieces.append(data)

    def finish(self) -> None:
        """The body is complete."""
        if self._kept is None:
            return
        is_public, head = self._kept
        stored = _Stored(head.vary, head.status, head.lines, b"".join(self._pieces), head.born, head.ends)
        self._cache.put(self._place, b"" if is_public else consumer_of(self._call), stored)


class ResponseCache:
    """Of one worker; the least recently used goes when `max_bytes` are full. Seconds are real time."""

    def __init__(self, max_bytes: int, seconds: Callable[[], float]) -> None:
        self.seconds = seconds
        self.bytes = 0
        self.hits = 0
        self._max_bytes = max_bytes
        self._entries: OrderedDict[tuple[Place, bytes], list[_Stored]] = OrderedDict()
        self._consumers: dict[Place, set[bytes]] = {}

    def look_up(self, settings: ResponseCaching, generation: int, call: PolicyCall) -> StoredAnswer | Recording | None:
        """A kept answer, or how to keep the one to come; None: this call is no matter for a cache."""
        place = (generation, call.rest)
        if call.method in UNSAFE:
            return Recording(self, settings, place, call)
        if call.method not in (b"GET", b"HEAD") or call.length or _values(call.lines, b"range"):
            return None
        asked = directives(_values(call.lines, b"cache-control"))
        if b"no-store" in asked:
            return None
        fresh_wanted = b"no-cache" in asked or (not asked and b"no-cache" in _values(call.lines, b"pragma"))
        if not fresh_wanted:
            stored = self._find(place, call, asked)
            if stored is not None:
                self.hits += 1
                return StoredAnswer(_rendered(stored, call, int(self.seconds() - stored.born)))
        if b"only-if-cached" in asked:
            return StoredAnswer(b"HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return Recording(self, settings, place, call) if call.method == b"GET" else None

    def _find(self, place: Place, call: PolicyCall, asked: dict[bytes, bytes]) -> _Stored | None:
        now = self.seconds()
        for consumer in (consumer_of(call), b""):
            for stored in self._entries.get((place, consumer), ()):
                if all(b",".join(_values(call.lines, name)) == value for name, value in stored.vary):
                    age = now - stored.born
                    wanted = seconds_of(asked.get(b"max-age"), int(age) + 1)
                    if now + seconds_of(asked.get(b"min-fresh"), 0) < stored.ends and age <= wanted:
                        self._entries.move_to_end((place, consumer))
                        return stored
        return None

    def put(self, place: Place, consumer: bytes, stored: _Stored) -> None:
        """Keep an answer in place of the one it replaces."""
        if stored.size > self._max_bytes:
            return
        before = self._entries.pop((place, consumer), [])
        kept = [one for one in before if one.vary != stored.vary and one.ends > stored.born][-_VARIANTS + 1 :]
        kept.append(stored)
        self._entries[place, consumer] = kept
        self._consumers.setdefault(place, set()).add(consumer)
        self.bytes += sum(one.size for one in kept) - sum(one.size for one in before)
        while self.bytes > self._max_bytes:
            self._drop(*next(iter(self._entries)))

    def invalidate(self, place: Place) -> None:
        """An unsafe method succeeded there (RFC 9111 4.4)."""
        for consumer in list(self._consumers.get(place, ())):
            self._drop(place, consumer)

    def _drop(self, place: Place, consumer: bytes) -> None:
        self.bytes -= sum(one.size for one in self._entries.pop((place, consumer)))
        consumers = self._consumers[place]
        consumers.discard(consumer)
        if not consumers:
            del self._consumers[place]


def judge(
    settings: ResponseCaching,
    request: Sequence[bytes],
    status: int,
    lines: Sequence[bytes],
    asked: float,
    now: float,
) -> tuple[bool, _Stored] | None:
    """Whether an answer may be kept, and whether for everybody; without its body."""
    said = directives(_values(lines, b"cache-control"))
    names = [name.strip().lower() for value in _values(lines, b"vary") for name in value.split(b",") if name.strip()]
    if (
        status not in _STATUSES
        or {b"no-store", b"private", b"no-cache"} & said.keys()
        or _values(lines, b"set-cookie")
        or _OURS.intersection(names)
    ):
        return None
    date = _moment(_values(lines, b"date"))
    lifetime = min(_lifetime(said, lines, now if date is None else date), settings.max_seconds)
    ages = _values(lines, b"age")
    age = max(seconds_of(ages[0] if ages else None, 0) + now - asked, 0 if date is None else now - date)
    if age >= lifetime:
        return None
    kept = [line for line in lines if line.partition(b":")[0].lower() not in _FRAMING]
    if date is None:
        kept.append(b"Date: " + formatdate(now, usegmt=True).encode())
    vary = tuple((name, b",".join(_values(request, name))) for name in sorted(set(names) - _CREDENTIALS))
    is_public = bool({b"public", b"s-maxage"} & said.keys()) and not _CREDENTIALS.intersection(names)
    return is_public, _Stored(vary, status, tuple(kept), b"", now - age, now - age + lifetime)


def _lifetime(said: dict[bytes, bytes], lines: Sequence[bytes], date: float) -> float:
    """Seconds by what the answer says itself; 0 where it says nothing, or nothing that can be read."""
    for name in (b"s-maxage", b"max-age"):
        if name in said:
            return seconds_of(said[name], 0)
    expires = _values(lines, b"expires")
    until = _moment(expires) if len(expires) == 1 else None
    return 0 if until is None else until - date


def directives(values: Sequence[bytes]) -> dict[bytes, bytes]:
    """Cache-Control's directives. One that is there twice with two values, or cannot be read, is `no-store`."""
    found: dict[bytes, bytes] = {}
    for value in values:
        at, text = 0, value.strip(b" \t,")
        while at < len(text):
            part = _DIRECTIVE.match(text, at)
            if part is None:
                return {b"no-store": b""}
            name, argument = part[1].lower(), part[2] or part[3] or b""
            if found.setdefault(name, argument) != argument:
                return {b"no-store": b""}
            at = part.end()
            while at < len(text) and text[at] in b" \t,":
                at += 1
    return found


def seconds_of(value: bytes | None, otherwise: int) -> int:
    """Delta-seconds; 0 for what is none; `otherwise` for None."""
    if value is None:
        return otherwise
    return min(int(value), 1 << 31) if re.fullmatch(rb"[0-9]{1,20}", value) else 0


def consumer_of(call: PolicyCall) -> bytes:
    """Whom an answer was made for: all that the upstream may have been told of the caller."""
    scopes = " ".join(sorted(call.scopes)).encode()
    return b"%d %d %d %b" % (call.application, call.subscription, call.plan_version, scopes)


def _rendered(stored: _Stored, call: PolicyCall, age: int) -> bytes:
    ours = [b"Age: %d" % max(0, age), b"Cache-Status: tollway; hit", b"Connection: close"]
    if stored.status == 200 and _is_unchanged(stored, call):
        kept = [line for line in stored.lines if line.partition(b":")[0].lower() in _IN_304]
        return b"\r\n".join([b"HTTP/1.1 304 Not Modified", *kept, *ours, b"", b""])
    first = b"HTTP/1.1 %d %b" % (stored.status, _STATUSES[stored.status])
    return b"\r\n".join([first, *stored.lines, *ours, b"Content-Length: %d" % len(stored.body), b"", stored.body])


def _is_unchanged(stored: _Stored, call: PolicyCall) -> bool:
    """What the caller has already is what we have (RFC 9110 13.1.2 and 13.1.3)."""
    wanted = _values(call.lines, b"if-none-match")
    if wanted:
        tags = [tag.removeprefix(b"W/") for tag in _values(stored.lines, b"etag")]
        asked = b",".join(wanted)
        return asked.strip() == b"*" or any(
            one.strip().removeprefix(b"W/") in tags for one in re.findall(rb'(?:W/)?"[^"]*"', asked)
        )
    since = _moment(_values(call.lines, b"if-modified-since"))
    changed = _moment(_values(stored.lines, b"last-modified"))
    return since is not None and changed is not None and changed <= since


def _values(lines: Sequence[bytes], name: bytes) -> list[bytes]:
    length = len(name)
    return [
        line[length + 1 :].strip(b" \t")
        for line in lines
        if line[length : length + 1] == b":" and line[:length].lower() == name
    ]


def _moment(values: Sequence[bytes]) -> float | None:
    try:
        return parsedate_to_datetime(values[0].decode("ascii")).timestamp() if values else None
    except (ValueError, OverflowError, UnicodeDecodeError):
        return None
