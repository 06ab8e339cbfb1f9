"""What portal-api reads from its environment (prefix TOLLWAY_)."""

import base64

from pydantic import Field, field_validator

from shared.settings import DatabaseSettings


class Settings(DatabaseSettings):
    """Validated once at start, frozen afterwards."""

    host: str = "127.0.0.1"
    port: int = 8000
    operations_port: int = 8001
    public_url: str = "http://127.0.0.1:8000"  # issuer of tokens, base of problem types and links
    gateway_url: str = "http://127.0.0.1:8080"
    billing_sealing_public_key: str = ""  # X25519, base64; without it Stripe cannot be connected
    encryption_key: str  # 32 bytes, base64: the private halves of the tokens' signing keys rest encrypted under it
    # host:port, comma separated: exceptions from the rule that contracts and upstreams are at public addresses.
    allowed_private_addresses: str = ""
    database_pool_size: int = Field(default=10, ge=1, le=100)

    @field_validator("public_url", "gateway_url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("encryption_key")
    @classmethod
    def _is_key(cls, value: str) -> str:
        try:
            size = len(base64.b64decode(value, validate=True))
        except ValueError:
            size = 0
        if size != 32:
            raise ValueError("TOLLWAY_ENCRYPTION_KEY must be 32 random bytes in base64: openssl rand -base64 32")
        return value

    @property
    def encryption_key_bytes(self) -> bytes:
        """The 32 bytes."""
        return base64.b64decode(self.encryption_key)

    @property
    def secure_cookies(self) -> bool:
        """Cookies only over HTTPS, except where the operator serves plain HTTP (a local stack)."""
        return self.public_url.startswith("https://")
