"""A message that outlives one redirect: signed, so that nobody else's words appear as ours."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Literal, cast

COOKIE = "tollway_flash"
MAX_LENGTH = 600
LIFE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Flash:
    """What the next page says in passing."""

    text: str
    tone: Literal["good", "bad"] = "good"


def encode(flash: Flash, key: bytes) -> str:
    """For the cookie."""
    body = json.dumps([flash.tone, flash.text[:MAX_LENGTH]]).encode()
    return f"{base64.urlsafe_b64encode(body).decode()}.{_mac(body, key)}"


def decode(value: str, key: bytes) -> Flash | None:
    """None for whatever we did not write."""
    encoded, _, mac = value.rpartition(".")
    try:
        body = base64.urlsafe_b64decode(encoded)
    except ValueError:
        return None
    if not hmac.compare_digest(mac, _mac(body, key)):
        return None
    tone, text = json.loads(body)
    return Flash(str(text), cast(Literal["good", "bad"], tone))


def _mac(body: bytes, key: bytes) -> str:
    return hmac.new(key, b"flash:" + body, hashlib.sha256).hexdigest()
