"""Rows of identity (created by migration 0001)."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, DateTime, Identity
from sqlmodel import Field

from portal_api.storage.rows import Row


class UserRow(Row, table=True):
    """A user with the hash of their password."""

    __tablename__ = "users"

    id: str = Field(primary_key=True)
    email: str
    name: str
    locale: str
    password_hash: str
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


class SessionRow(Row, table=True):
    """A session."""

    __tablename__ = "sessions"

    id: str = Field(primary_key=True)
    user_id: str
    token_sha256: str
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))


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


class SignInFailureRow(Row, table=True):
    """A failed sign-in of an e-mail address or a network address."""

    __tablename__ = "sign_in_failures"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    subject: str
    at: datetime = Field(sa_type=DateTime(timezone=True))
