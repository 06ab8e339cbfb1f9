"""Access tokens: ES256 by python-jose, wrapped so that only one algorithm, one form and our keys are ever accepted.

python-jose decodes base64 leniently; a token that is not exactly its canonical form is refused before it is checked,
or the altered last character of a token would name the same token twice. Results are kept by the token's full string.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable
from datetime import datetime

from jose import jwk, jws
from jose.backends.base import Key
from jose.exceptions import JOSEError

from gateway.domain.credential import MAX_TOKEN_BYTES, TokenClaims
from shared.clock import real_now
from shared.events.identity import SigningKeyState

ALGORITHMS = ["ES256"]
MAX_VERIFIED = 100_000
MAX_REFUSED = 10_000

_FORM = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}").fullmatch


class _Refused(Exception):
    """The token is refused; the argument is a problem's name."""


class _SigningKey:
    __slots__ = ("key", "not_after", "not_before")

    def __init__(self, state: SigningKeyState) -> None:
        if state.public_jwk.get("kty") != "EC" or state.public_jwk.get("crv") != "P-256":
            raise ValueError(f"signing key {state.kid} is no P-256 key")
        self.key: Key = jwk.construct(dict(state.public_jwk), algorithm="ES256")
        self.not_before = state.not_before
        self.not_after = state.not_after


class AccessTokens:
    """Verifies tokens of one issuer against the signing keys from the topic. Times are real time."""

    def __init__(self, issuer: str, *, now: Callable[[], datetime] = real_now) -> None:
        self._issuer = issuer
        self._now = now
        self._keys: dict[str, _SigningKey] = {}
        self._verified: dict[bytes, TokenClaims] = {}
        self._refused: dict[bytes, str] = {}

    def put_key(self, kid: str, state: SigningKeyState | None) -> None:
        """A key came, changed or went: nothing that was decided with the old keys holds any more."""
        if state is None:
            self._keys.pop(kid, None)
        else:
            self._keys[kid] = _SigningKey(state)
        self._verified.clear()
        self._refused.clear()

    def verify(self, token: bytes) -> TokenClaims | str:
        """The claims of a valid token, else a problem's name."""
        claims = self._verified.get(token)
        if claims is not None:
            if self._now().timestamp() < claims.expires_at:
                return claims
            del self._verified[token]
            return "expired-token"
        known = self._refused.get(token)
        if known is not None:
            return known
        try:
            claims = self._check(token)
        except _Refused as refused:
            return str(refused)
        except (JOSEError, ValueError, TypeError, binascii.Error):
            return self._refuse(token, "invalid-token")
        if len(self._verified) >= MAX_VERIFIED:
            # The oldest goes: a flood of fresh tokens needs a signature for each, so it cannot be cheap.
            del self._verified[next(iter(self._verified))]
        self._verified[token] = claims
        return claims

    def _refuse(self, token: bytes, name: str) -> str:
        if len(self._refused) >= MAX_REFUSED:
            del self._refused[next(iter(self._refused))]
        if len(token) <= MAX_TOKEN_BYTES:
            self._refused[token] = name
        return name

    def _check(self, token: bytes) -> TokenClaims:
        if len(token) > MAX_TOKEN_BYTES or _FORM(token) is None:
            raise ValueError("not a signed token in compact form")
        header_part, claims_part, signature_part = token.split(b".")
        header = json.loads(_decode(header_part))
        _decode(signature_part)
        if not isinstance(header, dict) or header.get("alg") != "ES256" or "crit" in header or "b64" in header:
            raise ValueError("not signed as we sign")
        if str(header.get("typ", "JWT")).lower() not in ("jwt", "at+jwt"):
            raise ValueError("not an access token")
        kid = header.get("kid")
        found = self._keys.get(kid) if isinstance(kid, str) else None
        now = self._now()
        if found is None or not found.not_before <= now < found.not_after:
            # Not remembered: the key may be on its way.
            raise _Refused("invalid-token")
        _decode(claims_part)
        claims = json.loads(jws.verify(token.decode("ascii"), found.key, ALGORITHMS))
        return self._claims(claims, now.timestamp(), found.not_after.timestamp())

    def _claims(self, claims: object, now: float, key_ends_at: float) -> TokenClaims:
        if not isinstance(claims, dict) or claims.get("iss") != self._issuer:
            raise ValueError("not of our issuer")
        issued_at, expires_at = claims.get("iat"), claims.get("exp")
        client_id, generation = claims.get("client_id"), claims.get("gen", 0)
        audience = claims.get("aud")
        audiences: list[object] = audience if isinstance(audience, list) else [audience]
        if (
            type(issued_at) is not int
            or type(expires_at) is not int
            or type(generation) is not int
            or not isinstance(client_id, str)
        ):
            raise TypeError("claims are missing or of a wrong type")
        if now >= expires_at:
            raise _Refused("expired-token")
        not_before = claims.get("nbf", issued_at)
        if type(not_before) is not int or max(issued_at, not_before) > now + 60:
            # Not remembered: it becomes valid with time.
            raise _Refused("invalid-token")
        organizations = frozenset(one for one in audiences if isinstance(one, str))
        return TokenClaims(client_id, organizations, generation, issued_at, min(expires_at, int(key_ends_at)))


def _decode(part: bytes) -> bytes:
    """Base64url that has exactly one spelling. Raises ValueError for any other."""
    decoded = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != part:
        raise ValueError("not canonical base64url")
    return decoded
