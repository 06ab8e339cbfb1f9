"""Who calls, as a signed token for upstreams (policy `consumer-identity`, form `jwt`), and the keys to check it by."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from shared.clock import real_seconds

log = structlog.get_logger()

ISSUER = "tollway-gateway"
TYPE = "tollway-identity+jwt"
LIFE_SECONDS = 120
REUSE_SECONDS = 30
MAX_TOKENS = 10_000
_PRIVATE_KEYS = re.compile(r"-----BEGIN ((?:EC )?PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)

Claims = tuple[tuple[str, str | int], ...]


class IdentitySigner:
    """Signs with the first P-256 key of a PEM file; publishes all of them, so that keys can be changed in two steps.

    A token is made once in 30 seconds for the same claims: a signature is not on the path of every call.
    Raises ValueError or OSError at the start for a file that cannot be used.
    """

    def __init__(
        self,
        file: Path,
        *,
        seconds: Callable[[], float] = real_seconds,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = file
        self._seconds = seconds
        self._monotonic = monotonic
        self._tokens: dict[Claims, tuple[float, bytes]] = {}
        self._told = ""
        self._seen = self._state()
        self._keys = _read(file)

    def _state(self) -> tuple[int, int]:
        found = self._file.stat()
        return found.st_mtime_ns, found.st_ino

    def follow(self) -> bool:
        """Look at the file; whether new keys were taken up. Keys that cannot be used change nothing."""
        try:
            state = self._state()
            if state == self._seen:
                return False
            keys = _read(self._file)
        except (OSError, ValueError) as error:
            if str(error) != self._told:  # the file is looked at several times a second
                self._told = str(error)
                log.warning("the new identity keys cannot be used; the old ones stay", error=str(error))
            return False
        self._keys, self._seen, self._told = keys, state, ""
        self._tokens.clear()
        log.info("new identity keys are in use", kid=keys[0].kid)
        return True

    def sign(self, claims: Claims) -> bytes:
        """A token in compact form that lives for 90 to 120 seconds more."""
        now = self._monotonic()
        known = self._tokens.get(claims)
        if known is not None and now < known[0]:
            return known[1]
        issued = int(self._seconds())
        key = self._keys[0]
        header = {"alg": "ES256", "kid": key.kid, "typ": TYPE}
        body = {"iss": ISSUER, "iat": issued, "exp": issued + LIFE_SECONDS, **dict(claims)}
        token = jwt.encode(header, body, key, algorithms=["ES256"]).encode()
        self._tokens.pop(claims, None)
        if len(self._tokens) >= MAX_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        self._tokens[claims] = (now + REUSE_SECONDS, token)
        return token

    def public_keys(self) -> bytes:
        """The JWK Set (RFC 7517)."""
        keys = [{**key.as_dict(private=False), "use": "sig", "alg": "ES256"} for key in self._keys]
        return json.dumps({"keys": keys}).encode()


def _read(file: Path) -> list[ECKey]:
    """The private keys of a PEM file, in their order. Raises ValueError."""
    blocks = [found[0] for found in _PRIVATE_KEYS.finditer(file.read_text())]
    try:
        keys = [ECKey.import_key(block + "\n") for block in blocks]
    except JoseError as error:
        raise ValueError(f"{file} holds something that is no key: {error}") from error
    if not keys or any(key.curve_name != "P-256" or not key.is_private for key in keys):
        raise ValueError(f"{file} must hold private P-256 keys in PEM form")
    for key in keys:
        key.ensure_kid()
    return keys
