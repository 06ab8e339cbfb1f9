"""Tokens: only ES256 by a key of ours, for this audience, now. Forgeries are made by hand, not by the library."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicNumbers
from jose import jwt

from portal_api.oauth.adapters.token_signer import InvalidToken, JoseTokenSigner, verify_token
from portal_api.oauth.domain.access_token import TokenSubject, claims_for, is_due_for_rotation
from shared.clock import real_now

ISSUER = "http://portal.test"
SIGNER = JoseTokenSigner(b"k" * 32)
KEY = SIGNER.new_key(real_now())
SUBJECT = TokenSubject("client_1", "org_1", 3, 3600)


def claims(**changes: Any) -> dict[str, Any]:
    return {**claims_for(SUBJECT, issuer=ISSUER, token_id="tok_1", now=real_now()), **changes}


def verify(token: str, audience: str = "org_1") -> dict[str, Any]:
    return verify_token(token, [KEY.public_jwk], issuer=ISSUER, audience=audience)


def encode(part: dict[str, Any] | bytes) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def public_key() -> ec.EllipticCurvePublicKey:
    x, y = (int.from_bytes(base64.urlsafe_b64decode(KEY.public_jwk[name] + "="), "big") for name in ("x", "y"))
    return EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def test_a_token_says_what_rfc_9068_wants() -> None:
    token = SIGNER.sign(KEY, claims())
    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["typ"], header["kid"]) == ("ES256", "at+jwt", KEY.kid)
    said = verify(token)
    assert said["iss"] == ISSUER
    assert said["sub"] == said["client_id"] == "client_1"
    assert (said["aud"], said["gen"], said["exp"] - said["iat"]) == ("org_1", 3, 3600)


def test_the_token_verifies_with_plain_cryptography() -> None:
    """Not only our library believes it."""
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    signed, _, signature = SIGNER.sign(KEY, claims()).rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public_key().verify(der, signed.encode(), ec.ECDSA(SHA256()))


@pytest.mark.parametrize("form", ["pem", "der", "point", "jwk"])
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_an_hmac_made_with_the_public_key_is_refused(form: str, algorithm: str) -> None:
    """Algorithm confusion: python-jose 3.5.0 takes such a token wherever the list of algorithms is open."""
    encodings = {
        "pem": (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        "der": (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        "point": (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint),
    }
    secret = json.dumps(KEY.public_jwk).encode() if form == "jwk" else public_key().public_bytes(*encodings[form])
    signed = f"{encode({'alg': algorithm, 'typ': 'at+jwt', 'kid': KEY.kid})}.{encode(claims())}"
    digest = getattr(hashlib, f"sha{algorithm[2:]}")
    forged = f"{signed}.{encode(hmac.new(secret, signed.encode(), digest).digest())}"
    with pytest.raises(InvalidToken):
        verify(forged)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
def test_no_signature_is_refused(algorithm: str) -> None:
    header = {"alg": algorithm, "typ": "at+jwt", "kid": KEY.kid}
    for signature in ("", "AA"):
        with pytest.raises(InvalidToken):
            verify(f"{encode(header)}.{encode(claims())}.{signature}")


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "org_2"},
        {"iss": "http://elsewhere.test"},
        {"exp": int(real_now().timestamp()) - 1},
        {"exp": None},
        {"aud": None},
        {"iss": None},
    ],
)
def test_wrong_claims_are_refused(changes: dict[str, Any]) -> None:
    changed = {name: value for name, value in claims(**changes).items() if value is not None}
    with pytest.raises(InvalidToken):
        verify(SIGNER.sign(KEY, changed))


def test_a_changed_payload_and_another_key_are_refused() -> None:
    header, _, signature = SIGNER.sign(KEY, claims()).split(".")
    with pytest.raises(InvalidToken):
        verify(f"{header}.{encode(claims(aud='org_1', sub='client_2'))}.{signature}")
    with pytest.raises(InvalidToken):
        verify(SIGNER.sign(SIGNER.new_key(real_now()), claims()))
    for rubbish in ("", "a.b", "a.b.c", "...."):
        with pytest.raises(InvalidToken):
            verify(rubbish)


def test_an_ordinary_jwt_of_ours_is_no_access_token() -> None:
    header = {"alg": "ES256", "typ": "JWT", "kid": KEY.kid}
    _, payload, signature = SIGNER.sign(KEY, claims()).split(".")
    with pytest.raises(InvalidToken):
        verify(f"{encode(header)}.{payload}.{signature}")


def test_the_private_key_rests_encrypted() -> None:
    assert b"PRIVATE" not in KEY.encrypted_private_key
    assert "d" not in KEY.public_jwk
    with pytest.raises(RuntimeError, match="TOLLWAY_ENCRYPTION_KEY"):
        JoseTokenSigner(b"x" * 32).sign(KEY, claims())


def test_a_key_is_replaced_after_a_year_and_outlives_its_last_token() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    key = SIGNER.new_key(start)
    assert not is_due_for_rotation(key, start + timedelta(days=364))
    assert is_due_for_rotation(key, start + timedelta(days=365))
    assert key.not_after > start + timedelta(days=365) + timedelta(seconds=31_536_000)
