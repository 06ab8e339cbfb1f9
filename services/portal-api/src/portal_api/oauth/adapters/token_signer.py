"""python-jose, and nothing of it outside this module.

The list of algorithms is fixed and never None: with None, or HS* beside ES*, python-jose takes an HS256 token that
was "signed" with the public key's bytes (CVE-2024-33663 and its remains in 3.5.0).
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk, jwt
from jose.exceptions import JOSEError
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from portal_api.oauth.domain.access_token import KEY_LIFE, SigningKey

ALGORITHM = "ES256"
TOKEN_TYPE = "at+jwt"


class InvalidToken(Exception):
    """Not a token of ours, for this audience, now."""


class JoseTokenSigner:
    """Port TokenSigner. Private keys rest encrypted (XSalsa20-Poly1305) under a key from the environment."""

    def __init__(self, encryption_key: bytes) -> None:
        self._box = SecretBox(encryption_key)
        self._opened: dict[str, Any] = {}

    def new_key(self, now: datetime) -> SigningKey:
        """A new P-256 key; its id is its thumbprint (RFC 7638)."""
        private = ec.generate_private_key(ec.SECP256R1())
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        point = private.public_key().public_numbers()
        public = {"crv": "P-256", "kty": "EC", "x": _coordinate(point.x), "y": _coordinate(point.y)}
        canonical = json.dumps(public, separators=(",", ":"), sort_keys=True).encode()
        kid = _base64url(hashlib.sha256(canonical).digest())
        return SigningKey(
            kid=kid,
            version=1,
            encrypted_private_key=bytes(self._box.encrypt(pem)),
            public_jwk={**public, "kid": kid, "use": "sig", "alg": ALGORITHM},
            not_before=now,
            not_after=now + KEY_LIFE,
            active=True,
        )

    def sign(self, key: SigningKey, claims: Mapping[str, str | int]) -> str:
        """Sign with the opened key, kept in memory."""
        opened = self._opened.get(key.kid)
        if opened is None:
            try:
                pem = self._box.decrypt(key.encrypted_private_key)
            except CryptoError as error:
                raise RuntimeError(
                    "the signing key cannot be opened: TOLLWAY_ENCRYPTION_KEY is not the one it was made under"
                ) from error
            # Few keys ever live; a rotation a year.
            opened = self._opened[key.kid] = jwk.construct(pem.decode(), ALGORITHM)
        headers = {"kid": key.kid, "typ": TOKEN_TYPE}
        return jwt.encode(dict(claims), opened, algorithm=ALGORITHM, headers=headers)


def verify_token(token: str, keys: Sequence[Mapping[str, str]], *, issuer: str, audience: str) -> dict[str, Any]:
    """The claims of a token of ours, or InvalidToken. The reference that the gateway's own check must agree with."""
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") != ALGORITHM or header.get("typ") != TOKEN_TYPE:
            raise InvalidToken("another algorithm or type")
        public = next((key for key in keys if key["kid"] == header.get("kid")), None)
        if public is None:
            raise InvalidToken("unknown key")
        options = {"require_exp": True, "require_iat": True, "require_aud": True, "require_iss": True}
        return jwt.decode(
            token, dict(public), algorithms=[ALGORITHM], audience=audience, issuer=issuer, options=options
        )
    except JOSEError as error:
        raise InvalidToken(str(error)) from error


def _coordinate(number: int) -> str:
    return _base64url(number.to_bytes(32, "big"))


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
