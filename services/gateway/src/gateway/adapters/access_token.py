"""Access tokens: ES256 only, one spelling only, our keys only. Results are kept by the token's full string.

The signature is checked by `cryptography`; a general JWT library costs more than the signature does, and would have to
be fenced in all the same: base64 that is decoded leniently names one token in several ways, and a list of revoked
strings is worth nothing then.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.domain.credential import MAX_TOKEN_BYTES, TokenClaims
from shared.clock import real_seconds
from shared.events.identity import SigningKeyState

MAX_VERIFIED = 100_000
MAX_REFUSED = 10_000
_MAX_HEADERS = 1_000
_SIGNATURE_LETTERS = 86
_FUTURE_SECONDS = 60
_ES256 = ECDSA(SHA256())


class _Refused(Exception):
    """The token is refused; the argument is a problem's name."""


class _Header(msgspec.Struct, frozen=True):
    alg: str
    kid: str
    typ: str = "JWT"
    crit: object = msgspec.UNSET
    b64: object = msgspec.UNSET


class _Claims(msgspec.Struct, frozen=True):
    iss: str
    client_id: str
    iat: int
    exp: int
    aud: str | list[str] = []
    gen: int = 0
    nbf: int | None = None


_read_header = msgspec.json.Decoder(_Header).decode
_read_claims = msgspec.json.Decoder(_Claims).decode


class _SigningKey:
    __slots__ = ("key", "not_after", "not_before")

    def __init__(self, state: SigningKeyState) -> None:
        jwk = state.public_jwk
        if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
            raise ValueError(f"signing key {state.kid} is no P-256 key")
        x, y = (int.from_bytes(_decode(str(jwk[name]).encode()), "big") for name in ("x", "y"))
        self.key: EllipticCurvePublicKey = EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
        self.not_before = state.not_before
        self.not_after = state.not_after


class AccessTokens:
    """Verifies tokens of one issuer against the signing keys from the topic. Times are real time."""

    def __init__(self, issuer: str, *, seconds: Callable[[], float] = real_seconds) -> None:
        self._issuer = issuer
        self._seconds = seconds
        self._keys: dict[str, _SigningKey] = {}
        self._kids: dict[bytes, str] = {}
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

    def is_known(self, token: bytes) -> bool:
        """Whether it was verified before, so that `verify` is cheap."""
        return token in self._verified

    def verify(self, token: bytes) -> TokenClaims | str:
        """The claims of a valid token, else a problem's name."""
        claims = self._verified.get(token)
        if claims is not None:
            if self._seconds() < claims.expires_at:
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
        except (ValueError, TypeError, InvalidSignature, msgspec.MsgspecError):
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
        if len(token) > MAX_TOKEN_BYTES:
            raise ValueError("too long")
        signed, _, signature_part = token.rpartition(b".")
        header_part, dot, claims_part = signed.partition(b".")
        if not dot or b"." in claims_part or len(signature_part) != _SIGNATURE_LETTERS:
            raise ValueError("not a signed token in compact form")
        found = self._keys.get(self._kids.get(header_part) or self._kid(header_part))
        now = self._seconds()
        if found is None or not found.not_before <= datetime.fromtimestamp(now, UTC) < found.not_after:
            # Not remembered: the key may be on its way.
            raise _Refused("invalid-token")
        signature, claims = _decode(signature_part), _decode(claims_part)
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        found.key.verify(encode_dss_signature(r, s), signed, _ES256)
        return self._claims(_read_claims(claims), now, found.not_after.timestamp())

    def _kid(self, header_part: bytes) -> str:
        """Judge a header; all tokens of one key have the same."""
        header = _read_header(_decode(header_part))
        if header.alg != "ES256" or header.crit is not msgspec.UNSET or header.b64 is not msgspec.UNSET:
            raise ValueError("not signed as we sign")
        if header.typ.lower() not in ("jwt", "at+jwt"):
            raise ValueError("not an access token")
        if len(self._kids) >= _MAX_HEADERS:
            self._kids.clear()
        self._kids[header_part] = header.kid
        return header.kid

    def _claims(self, claims: _Claims, now: float, key_ends_at: float) -> TokenClaims:
        if claims.iss != self._issuer:
            raise ValueError("not of our issuer")
        if now >= claims.exp:
            raise _Refused("expired-token")
        if max(claims.iat, claims.nbf or 0) > now + _FUTURE_SECONDS:
            # Not remembered: it becomes valid with time.
            raise _Refused("invalid-token")
        audience = (claims.aud,) if isinstance(claims.aud, str) else claims.aud
        expires_at = min(claims.exp, int(key_ends_at))
        return TokenClaims(claims.client_id, frozenset(audience), claims.gen, claims.iat, expires_at)


def _decode(part: bytes) -> bytes:
    """Base64url that has exactly one spelling. Raises ValueError for any other."""
    decoded = urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    if urlsafe_b64encode(decoded).rstrip(b"=") != part:
        raise ValueError("not canonical base64url")
    return decoded
