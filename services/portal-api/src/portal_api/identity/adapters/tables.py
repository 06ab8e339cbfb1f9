"""Rows of identity (created by migrations 0001 and 0005)."""

from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, Column, DateTime, String
from sqlmodel import Field

from portal_api.storage.rows import Row


class UserRow(Row, table=True):
    """A user with the hash of their password; None: they sign in elsewhere."""

    __tablename__ = "users"

    id: str = Field(primary_key=True)
    email: str
    name: str
    locale: str
    password_hash: str | None
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    email_verified_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    state_version: int = Field(default=1, sa_type=BigInteger)


class SessionRow(Row, table=True):
    """A session."""

    __tablename__ = "sessions"

    id: str = Field(primary_key=True)
    user_id: str
    token_sha256: str
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    address: str = ""
    user_agent: str = ""
    last_used_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class PersonalAccessTokenRow(Row, table=True):
    """A personal access token."""

    __tablename__ = "personal_access_tokens"

    id: str = Field(primary_key=True)
    user_id: str
    name: str
    hint: str
    token_sha256: str
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    scopes: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    last_used_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class OneTimeTokenRow(Row, table=True):
    """A link in a mail."""

    __tablename__ = "one_time_tokens"

    token_sha256: str = Field(primary_key=True)
    purpose: str
    user_id: str
    email: str
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))


class AttemptsRow(Row, table=True):
    """Tries of a subject; a count of 0 only holds the row."""

    __tablename__ = "attempts"

    subject: str = Field(primary_key=True)
    count: int = Field(sa_type=BigInteger)
    first_at: datetime = Field(sa_type=DateTime(timezone=True))
    last_at: datetime = Field(sa_type=DateTime(timezone=True))


class ExternalIdentityRow(Row, table=True):
    """A person elsewhere who is a user here."""

    __tablename__ = "external_identities"

    id: str = Field(primary_key=True)
    issuer: str
    subject: str
    provider_id: str
    user_id: str
    email: str
    linked_at: datetime = Field(sa_type=DateTime(timezone=True))


class SignInFlowRow(Row, table=True):
    """A way to a provider and back."""

    __tablename__ = "sign_in_flows"

    state_sha256: str = Field(primary_key=True)
    browser_sha256: str
    provider_id: str
    nonce: str
    code_verifier: str
    next_path: str
    link_user_id: str | None
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
