"""PyNaCl: sealed boxes in transit, secret boxes at rest."""

import base64
import binascii

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox
from nacl.secret import SecretBox


class NaclVault:
    """Vault of the ports."""

    def __init__(self, *, sealing_private_key: str, encryption_key: str) -> None:
        self._sealed = SealedBox(PrivateKey(_key(sealing_private_key, "sealing private key")))
        self._box = SecretBox(_key(encryption_key, "encryption key"))

    def open_sealed(self, sealed: str) -> str:
        """Raises ValueError when it was not sealed to our key."""
        try:
            return self._sealed.decrypt(base64.b64decode(sealed, validate=True)).decode("ascii")
        except (CryptoError, binascii.Error, UnicodeDecodeError, TypeError) as error:
            raise ValueError("not sealed to this key") from error

    def encrypt(self, plaintext: str) -> bytes:
        """With a fresh nonce."""
        return bytes(self._box.encrypt(plaintext.encode()))

    def decrypt(self, ciphertext: bytes) -> str:
        """Raises nacl's CryptoError when the encryption key is another one."""
        return self._box.decrypt(ciphertext).decode()


def _key(text: str, name: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"the {name} is not base64") from error
    if len(key) != 32:
        raise ValueError(f"the {name} must have 32 bytes")
    return key
