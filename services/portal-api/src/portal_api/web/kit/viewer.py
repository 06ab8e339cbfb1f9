"""Who looks at a page, and how they want to see it."""

import hmac
import secrets
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from fastapi import Request

from portal_api.identity.domain.access import Actor
from portal_api.identity.domain.user import csrf_token_of
from shared.errors import DomainError

ZONE_COOKIE = "tollway_zone"
THEME_COOKIE = "tollway_theme"
Theme = Literal["light", "dark"]
_PAD_BYTES = 32


@dataclass(frozen=True, slots=True)
class Viewer:
    """One request's viewer. `theme` None follows the system; `csrf` stands in every form of somebody signed in."""

    actor: Actor | None
    path: str
    locale: Locale
    zone: ZoneInfo
    theme: Theme | None
    csrf: str

    @property
    def user(self) -> Actor:
        """Whoever is signed in, on a page that `signed_in` guards."""
        if self.actor is None:
            raise DomainError("authentication-required", 401, "Sign in first", "This page needs somebody signed in.")
        return self.actor

    @property
    def initials(self) -> str:
        """For the avatar."""
        if self.actor is None:
            return ""
        words = (self.actor.name or self.actor.email).split()
        return "".join(word[0] for word in words[:2])


def viewer_of(request: Request, actor: Actor | None, session_token: str | None) -> Viewer:
    """From the request's cookies and headers."""
    theme = request.cookies.get(THEME_COOKIE)
    return Viewer(
        actor=actor,
        path=request.url.path,
        locale=_locale(request.headers.get("accept-language", "")),
        zone=_zone(request.cookies.get(ZONE_COOKIE, "")),
        theme=cast(Theme, theme) if theme in ("light", "dark") else None,
        csrf=masked(csrf_token_of(session_token)) if actor is not None and session_token else "",
    )


def masked(token: str) -> str:
    """Another text for the same token on every page: compression cannot leak what never repeats (BREACH)."""
    pad = secrets.token_bytes(_PAD_BYTES)
    return (pad + _xor(pad, bytes.fromhex(token))).hex()


def is_token(sent: str, token: str) -> bool:
    """Whether `sent` is `token`, masked."""
    try:
        raw = bytes.fromhex(sent)
    except ValueError:
        return False
    if len(raw) != 2 * _PAD_BYTES:
        return False
    return hmac.compare_digest(_xor(raw[:_PAD_BYTES], raw[_PAD_BYTES:]), bytes.fromhex(token))


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


@lru_cache(maxsize=256)
def _locale(accepted: str) -> Locale:
    """The viewer's English: the pages' words are English, so numbers and dates are written as English writes them."""
    for part in accepted.split(",")[:8]:
        tag = part.partition(";")[0].strip().replace("-", "_")
        if tag.lower().startswith("en_"):
            try:
                return Locale.parse(tag)
            except (UnknownLocaleError, ValueError):
                continue
    return Locale("en", "US")
