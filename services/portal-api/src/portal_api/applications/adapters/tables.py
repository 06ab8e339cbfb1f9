"""Rows of applications and credentials; field names are those of the domain."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime
from sqlmodel import Field

from portal_api.storage.rows import Row

AWARE = DateTime(timezone=True)


class ApplicationRow(Row, table=True):
    """See domain.application.Application."""

    __tablename__ = "applications"

    id: str = Field(primary_key=True)
    number: int = Field(sa_type=BigInteger)
    organization_id: str
    developer_id: str
    name: str
    description: str
    access_token_lifetime_seconds: int = Field(sa_type=BigInteger)
    status: str
    created_at: datetime = Field(sa_type=AWARE)


class OAuthClientRow(Row, table=True):
    """See domain.credentials.OAuthClient."""

    __tablename__ = "oauth_clients"

    id: str = Field(primary_key=True)
    application_id: str
    environment: str
    secret_hash: str
    status: str
    version: int = Field(sa_type=BigInteger)
    min_generation: int = Field(sa_type=BigInteger)
    created_at: datetime = Field(sa_type=AWARE)
    revoked_at: datetime | None = Field(default=None, sa_type=AWARE)
    previous_secret_hash: str | None = None
    previous_valid_until: datetime | None = Field(default=None, sa_type=AWARE)
    last_used_at: datetime | None = Field(default=None, sa_type=AWARE)


class ApiKeyRow(Row, table=True):
    """See domain.credentials.ApiKey."""

    __tablename__ = "api_keys"

    id: str = Field(primary_key=True)
    application_id: str
    environment: str
    prefix: str
    key_hash: str
    status: str
    version: int = Field(sa_type=BigInteger)
    created_at: datetime = Field(sa_type=AWARE)
    revoked_at: datetime | None = Field(default=None, sa_type=AWARE)
    previous_key_hash: str | None = None
    previous_valid_until: datetime | None = Field(default=None, sa_type=AWARE)
