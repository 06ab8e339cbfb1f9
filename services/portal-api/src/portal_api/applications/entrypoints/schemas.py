"""What the routes of applications take and answer."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from portal_api.applications.domain.application import (
    DEFAULT_LIFETIME_SECONDS,
    MAX_LIFETIME_SECONDS,
    MIN_LIFETIME_SECONDS,
    Application,
)
from portal_api.applications.domain.credentials import (
    MAX_GRACE_SECONDS,
    ApiKey,
    CredentialEnvironment,
    OAuthClient,
)

LIFETIME = Field(
    default=DEFAULT_LIFETIME_SECONDS,
    ge=MIN_LIFETIME_SECONDS,
    le=MAX_LIFETIME_SECONDS,
    description="Application Access Token Expiry Time. Holds for tokens issued from now on.",
)


class ApplicationCreate(BaseModel):
    """A new application."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "Reading List App"}})

    name: str = Field(min_length=1, max_length=100)
    description: str = Field(default="", max_length=1000)
    access_token_lifetime_seconds: int = LIFETIME


class ApplicationChange(BaseModel):
    """What is given changes."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"access_token_lifetime_seconds": 86400}})

    name: str | None = Field(default=None, min_length=1, max_length=100)
    description: str | None = Field(default=None, max_length=1000)
    access_token_lifetime_seconds: int | None = Field(default=None, ge=MIN_LIFETIME_SECONDS, le=MAX_LIFETIME_SECONDS)


class ApplicationView(BaseModel):
    """An application."""

    id: str = Field(examples=["app_01KB3Z4N5Q8RS9T0V1W2X3Y4Z5"])
    organization_id: str
    name: str
    description: str
    access_token_lifetime_seconds: int
    status: Literal["active", "deleting", "deleted"]
    created_at: datetime

    @classmethod
    def of(cls, application: Application) -> "ApplicationView":
        """From the domain."""
        return cls.model_validate(application, from_attributes=True)


class CredentialCreate(BaseModel):
    """Production credentials call the Production environment; sandbox ones Development, never billed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"environment": "production"}})

    environment: CredentialEnvironment = "production"


class Rotation(BaseModel):
    """How long the old secret stays valid beside the new one. 0: it ends at once, the cure of a leak."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"grace_seconds": 86400}})

    grace_seconds: int = Field(default=0, ge=0, le=MAX_GRACE_SECONDS)


class OAuthClientView(BaseModel):
    """An OAuth2 client without its secret, which nobody can show again."""

    client_id: str = Field(description="The Consumer Key.")
    application_id: str
    environment: CredentialEnvironment
    status: Literal["active", "revoked"]
    created_at: datetime
    revoked_at: datetime | None = None
    previous_secret_valid_until: datetime | None = Field(
        default=None, description="While a rotated secret is valid beside the present one; its tokens end then too."
    )
    last_used_at: datetime | None = Field(default=None, description="When its secret last got a token, to the minute.")

    @classmethod
    def of(cls, client: OAuthClient) -> "OAuthClientView":
        """From the domain."""
        return cls(
            client_id=client.id,
            application_id=client.application_id,
            environment=client.environment,
            status=client.status,
            created_at=client.created_at,
            revoked_at=client.revoked_at,
            previous_secret_valid_until=client.previous_valid_until,
            last_used_at=client.last_used_at,
        )


class OAuthClientSecretView(OAuthClientView):
    """An OAuth2 client with its secret: the only time that it is shown."""

    client_secret: str = Field(description="The Consumer Secret. Keep it now: it is not shown again.")

    @classmethod
    def with_secret(cls, client: OAuthClient, secret: str) -> "OAuthClientSecretView":
        """From the domain."""
        return cls(**OAuthClientView.of(client).model_dump(), client_secret=secret)


class ApiKeyView(BaseModel):
    """An API key by its prefix; nobody can show the whole again."""

    id: str
    application_id: str
    environment: CredentialEnvironment
    prefix: str = Field(examples=["tw_live_Zm9v"])
    status: Literal["active", "revoked"]
    created_at: datetime
    revoked_at: datetime | None = None
    previous_valid_until: datetime | None = Field(
        default=None, description="While a rotated key is valid beside the present one."
    )

    @classmethod
    def of(cls, key: ApiKey) -> "ApiKeyView":
        """From the domain."""
        return cls.model_validate(key, from_attributes=True)


class ApiKeySecretView(ApiKeyView):
    """An API key, whole: the only time that it is shown."""

    key: str = Field(description="Send it as `X-API-Key`. Keep it now: it is not shown again.")

    @classmethod
    def with_secret(cls, key: ApiKey, secret: str) -> "ApiKeySecretView":
        """From the domain."""
        return cls(**ApiKeyView.of(key).model_dump(), key=secret)
