"""Sealed boxes (X25519, PyNaCl): whoever has the public key closes, only billing-sync opens."""

import base64
import binascii

from nacl.exceptions import CryptoError
from nacl.public import PublicKey, SealedBox

from shared.errors import DomainError


class SealedBoxSealer:
    """Port Sealer. Without a key the portal serves everything but Stripe connections."""

    def __init__(self, public_key: str) -> None:
        self._box: SealedBox[PublicKey] | None = None
        if public_key:
            try:
                self._box = SealedBox(PublicKey(base64.b64decode(public_key, validate=True)))
            except (binascii.Error, CryptoError, ValueError, TypeError) as error:
                raise ValueError("TOLLWAY_BILLING_SEALING_PUBLIC_KEY must be 32 bytes in base64") from error

    def seal(self, secret: str) -> str:
        """Base64 of the sealed box."""
        if self._box is None:
            detail = "The operator of this installation has to set billing-sync's public key first. Tell them."
            raise DomainError("stripe-not-configured", 503, "Stripe cannot be connected here", detail)
        return base64.b64encode(self._box.encrypt(secret.encode())).decode()
