"""What portal-api reads from its environment (prefix TOLLWAY_)."""

import base64
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from shared.settings import DatabaseSettings


class IdentityProviderSettings(BaseModel):
    """A way to sign in elsewhere."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    name: str = Field(min_length=1, max_length=40)
    kind: Literal["oidc", "github"] = "oidc"
    issuer: str = ""
    client_id: str = Field(min_length=1)
    client_secret: str = Field(min_length=1, repr=False)
    trust_email: bool = False
    api_url: str = "https://api.github.com"

    @model_validator(mode="after")
    def _has_issuer(self) -> Self:
        if self.kind == "oidc" and not self.issuer:
            raise ValueError(f"the identity provider {self.id} needs an issuer, such as https://accounts.google.com")
        return self


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
    smtp_host: str = ""  # without it mails wait in the database until one is set
    smtp_port: int = 587
    smtp_security: Literal["none", "starttls", "tls"] = "starttls"
    smtp_username: str = ""
    smtp_password: str = ""
    mail_from: str = "Tollway <no-reply@localhost.localdomain>"
    sign_ups_per_hour: int = Field(default=60, ge=1)  # of one network address
    # A JSON list: id, name, kind (oidc or github), issuer, client_id, client_secret, trust_email. See the README.
    identity_providers: tuple[IdentityProviderSettings, ...] = ()
    sample_contract_url: str = ""  # a contract that the Console imports in one click; without it, none is offered
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
