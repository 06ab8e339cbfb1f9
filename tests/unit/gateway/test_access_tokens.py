"""Only tokens that our issuer signed with ES256 are accepted, in exactly one spelling."""

import base64
import hashlib
import hmac
import json

import pytest
from tests.service.gateway.builders import ISSUER, SigningKey

from gateway.adapters import access_token
from gateway.adapters.access_token import AccessTokens
from gateway.domain.credential import TokenClaims
from shared.clock import real_now

KEY = SigningKey()
OTHER = SigningKey("other")
NOW = int(real_now().timestamp())


@pytest.fixture
def tokens() -> AccessTokens:
    tokens = AccessTokens(ISSUER)
    tokens.put_key(KEY.kid, KEY.state())
    return tokens


def encode(part: object) -> bytes:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def hs256(secret: bytes, alg: str = "HS256") -> bytes:
    claims = {"iss": ISSUER, "aud": "org_1", "client_id": "client_1", "iat": NOW, "exp": NOW + 600}
    signed = encode({"alg": alg, "kid": KEY.kid, "typ": "JWT"}) + b"." + encode(claims)
    return signed + b"." + encode(hmac.new(secret, signed, hashlib.sha256).digest())


def test_a_valid_token_gives_its_claims_and_is_kept(tokens: AccessTokens) -> None:
    token = KEY.token(gen=4, aud=["org_1", "org_2"]).encode()
    claims = tokens.verify(token)
    assert isinstance(claims, TokenClaims)
    assert (claims.client_id, claims.generation, claims.audience) == ("client_1", 4, {"org_1", "org_2"})
    assert tokens.verify(token) is claims


FORGED = {
    "hs256 with the public key as pem": hs256(KEY.public_pem),
    "hs256 with the public key as der": hs256(KEY.public_der),
    "hs256 signature called es256": hs256(KEY.public_pem, "ES256"),
    "none": encode({"alg": "none", "kid": KEY.kid}) + b"." + encode({"iss": ISSUER, "exp": NOW + 60}) + b".",
    "none with a signature": encode({"alg": "none"}) + b"." + KEY.token().encode().partition(b".")[2],
    "foreign key": OTHER.token(kid=KEY.kid).encode(),
    "unknown kid": OTHER.token().encode(),
    "wrong issuer": KEY.token(iss="http://evil.test").encode(),
    "no expiry": KEY.token(exp=None).encode(),
    "generation as text": KEY.token(gen="1").encode(),
    "no client": KEY.token(client_id=None).encode(),
    "issued in the future": KEY.token(iat=NOW + 3600, exp=NOW + 7200).encode(),
    "four parts": KEY.token().encode() + b".a",
    "not a token": b"abc",
    "not base64": b"a.b." + b"*" * 86,
    "padding": KEY.token().encode() + b"=",
    "too long": KEY.token(x="a" * 9000).encode(),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_and_malformed_tokens_are_refused(tokens: AccessTokens, name: str) -> None:
    assert tokens.verify(FORGED[name]) == "invalid-token"


def test_no_other_spelling_of_a_valid_token_is_accepted(tokens: AccessTokens) -> None:
    token = KEY.token().encode()
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    accepted = [
        bytes([letter]) for letter in letters if isinstance(tokens.verify(token[:-1] + bytes([letter])), TokenClaims)
    ]
    assert accepted == [token[-1:]]


def test_an_expired_token_is_named_so_also_when_it_was_kept() -> None:
    now = float(NOW)
    tokens = AccessTokens(ISSUER, seconds=lambda: now)
    tokens.put_key(KEY.kid, KEY.state())
    token = KEY.token(exp=NOW + 60).encode()
    assert isinstance(tokens.verify(token), TokenClaims)
    now += 61
    assert tokens.verify(token) == "expired-token"
    assert tokens.verify(token) == "expired-token"


def test_a_token_is_accepted_once_its_key_has_come_and_refused_when_it_went() -> None:
    tokens = AccessTokens(ISSUER)
    token = KEY.token().encode()
    assert tokens.verify(token) == "invalid-token"
    tokens.put_key(KEY.kid, KEY.state())
    assert isinstance(tokens.verify(token), TokenClaims)
    tokens.put_key(KEY.kid, None)
    assert tokens.verify(token) == "invalid-token"


def test_what_is_kept_is_bounded(tokens: AccessTokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_token, "MAX_VERIFIED", 2)
    monkeypatch.setattr(access_token, "MAX_REFUSED", 2)
    for number in range(5):
        assert isinstance(tokens.verify(KEY.token(gen=number).encode()), TokenClaims)
        assert tokens.verify(b"forged%d" % number) == "invalid-token"
    assert (len(tokens._verified), len(tokens._refused)) == (2, 2)
