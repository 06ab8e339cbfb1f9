"""Rows of mail."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime
from sqlmodel import Field

from portal_api.storage.rows import Row


class MailRow(Row, table=True):
    """A mail; `sealed` are its values, encrypted, until it is sent."""

    __tablename__ = "mails"

    id: str = Field(primary_key=True)
    kind: str
    recipient: str
    sealed: bytes | None
    status: str
    attempts: int = Field(sa_type=BigInteger)
    next_attempt_at: datetime = Field(sa_type=DateTime(timezone=True))
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    valid_until: datetime = Field(sa_type=DateTime(timezone=True))
    finished_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    last_error: str | None = None
