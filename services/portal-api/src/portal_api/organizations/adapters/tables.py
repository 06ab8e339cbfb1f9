"""Rows of organizations (created by migration 0001)."""

from datetime import datetime

from sqlalchemy import DateTime
from sqlmodel import Field

from portal_api.storage.rows import Row


class OrganizationRow(Row, table=True):
    """An organization."""

    __tablename__ = "organizations"

    id: str = Field(primary_key=True)
    name: str
    identifier: str
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    privacy_policy_accepted_at: datetime = Field(sa_type=DateTime(timezone=True))
    terms_accepted_at: datetime = Field(sa_type=DateTime(timezone=True))


class MemberRow(Row, table=True):
    """A user's role in an organization."""

    __tablename__ = "members"

    organization_id: str = Field(primary_key=True)
    user_id: str = Field(primary_key=True)
    role: str
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


class ProjectRow(Row, table=True):
    """A project."""

    __tablename__ = "projects"

    id: str = Field(primary_key=True)
    organization_id: str
    display_name: str
    identifier: str
    description: str
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


class InvitationRow(Row, table=True):
    """An invitation."""

    __tablename__ = "invitations"

    id: str = Field(primary_key=True)
    organization_id: str
    email: str
    role: str
    status: str
    token_sha256: str
    invited_by: str
    inviter_name: str
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
