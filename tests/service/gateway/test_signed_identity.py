"""Upstreams that want to check who calls get a signed token, and the keys to check it by."""

import json
import os
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from tests.service.gateway.harness import request, running, status
from tests.service.gateway.test_policies import attach

from gateway.adapters.identity_signer import ISSUER, LIFE_SECONDS, IdentitySigner
from shared.events.catalog import Policy

SIGNED = Policy(kind="consumer-identity", config={"form": "jwt", "audience": "https://backend.example.com"})
JWKS = b"GET /.well-known/tollway-identity.json HTTP/1.1\r\nHost: gateway.test\r\n\r\n"


def key_file(folder: Path, count: int = 1, curve: str = "P-256") -> Path:
    file = folder / "keys.pem"
    file.write_bytes(b"".join(ECKey.generate_key(curve).as_pem(private=True) for _ in range(count)))
    return file


async def test_the_upstream_can_check_who_calls(tmp_path: Path) -> None:
    signer = IdentitySigner(key_file(tmp_path, 2))
    async with running(tmp_path / "log", identity=signer) as gateway:
        attach(gateway, SIGNED)
        forged = b"X-Tollway-Identity: forged\r\nX_Tollway_Identity: forged\r\nX-Tollway-Application: 99\r\n"
        await gateway.exchange(request(b"/books/ok", forged) + request(b"/books/ok"))
        tokens = []
        for head, _ in gateway.upstream.received:
            assert b"forged" not in head
            assert b": 99" not in head
            [line] = [one for one in head.split(b"\r\n") if one.startswith(b"X-Tollway-")]
            tokens.append(line.removeprefix(b"X-Tollway-Identity: ").decode())
        assert tokens[0] == tokens[1], "one signature serves many calls"
        answer, _ = await gateway.exchange(JWKS)
        assert b"Content-Type: application/jwk-set+json" in answer
        published = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert len(published["keys"]) == 2
        assert all("d" not in key for key in published["keys"])
        token = jwt.decode(tokens[0], KeySet.import_key_set(published), algorithms=["ES256"])
        assert token.header["typ"] == "tollway-identity+jwt"
        claims = dict(token.claims)
        assert claims.pop("exp") - claims.pop("iat") == LIFE_SECONDS
        assert claims == {
            "iss": ISSUER, "aud": "https://backend.example.com", "sub": "3", "organization": "org_1", "application": 3,
            "subscription": 11, "plan_version": 5, "environment": "production", "scope": "",
        }  # fmt: skip


async def test_without_a_key_no_call_goes_unsigned(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        attach(gateway, SIGNED)
        answer, _ = await gateway.exchange(request(b"/books/ok"))
        assert (status(answer), b"/problems/identity-unavailable" in answer) == (503, True)
        assert gateway.upstream.received == []
        answer, _ = await gateway.exchange(JWKS)
        assert status(answer) == 404


def test_a_token_is_renewed_long_before_it_ends_and_new_keys_are_taken_up(tmp_path: Path) -> None:
    now = [1_000_000.0]
    file = key_file(tmp_path)
    signer = IdentitySigner(file, seconds=lambda: now[0], monotonic=lambda: now[0])
    claims = (("aud", "a"), ("sub", "1"))
    first = signer.sign(claims)
    now[0] += 29
    assert signer.sign(claims) == first
    assert signer.sign((("aud", "b"), ("sub", "1"))) != first
    now[0] += 2
    second = signer.sign(claims)
    assert second != first
    before = signer.public_keys()
    assert not signer.follow()
    key_file(tmp_path)
    os.utime(file, (1, 1))
    assert signer.follow()
    assert signer.public_keys() != before
    assert signer.sign(claims) != second
    file.write_text("nothing")
    assert not signer.follow()


def test_a_file_without_a_private_p256_key_is_refused(tmp_path: Path) -> None:
    for curve in ("P-384", "secp256k1"):
        with pytest.raises(ValueError, match="P-256"):
            IdentitySigner(key_file(tmp_path, curve=curve))
    (tmp_path / "keys.pem").write_bytes(ECKey.generate_key("P-256").as_pem(private=False))
    with pytest.raises(ValueError, match="P-256"):
        IdentitySigner(tmp_path / "keys.pem")
