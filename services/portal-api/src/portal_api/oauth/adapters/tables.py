"""Rows of signing keys."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from portal_api.storage.rows import Row


class SigningKeyRow(Row, table=True):
    """See domain.access_token.SigningKey."""

    __tablename__ = "signing_keys"

    kid: str = Field(primary_key=True)
    version: int = Field(sa_type=BigInteger)
    encrypted_private_key: bytes
    public_jwk: dict[str, str] = Field(sa_type=JSONB)
    not_before: datetime = Field(sa_type=DateTime(timezone=True))
    not_after: datetime = Field(sa_type=DateTime(timezone=True))
    active: bool
