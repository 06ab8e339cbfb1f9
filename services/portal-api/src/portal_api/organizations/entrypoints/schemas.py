"""What the routes of organizations read and answer."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from portal_api.http.email import Email
from portal_api.identity.domain.access import MAY, Role
from portal_api.organizations.domain.invitation import Invitation
from portal_api.organizations.domain.organization import Member, Organization, Project
from shared.clock import real_now


class OrganizationCreate(BaseModel):
    """A new organization."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "sampleorganization", "privacy_policy_accepted": True, "terms_accepted": True}]
        }
    )

    name: str = Field(min_length=1, max_length=200)
    identifier: str | None = Field(default=None, description="3 to 40 characters; made of the name if left out.")
    privacy_policy_accepted: bool = Field(description="Must be true.")
    terms_accepted: bool = Field(description="Must be true.")


class OrganizationView(BaseModel):
    """An organization, as its members see it."""

    id: str = Field(examples=["org_01KB3W2VZ5R8M4Q0X7C9T6N1DE"])
    name: str
    identifier: str = Field(examples=["sampleorganization"])
    role: Role | None = Field(description="Your role; null where a list does not say.")
    created_at: datetime

    @classmethod
    def of(cls, row: Organization, role: Role | None) -> "OrganizationView":
        """Of an organization."""
        return cls(id=row.id, name=row.name, identifier=row.identifier, role=role, created_at=row.created_at)


class OrganizationChange(BaseModel):
    """What can be changed of an organization."""

    name: str = Field(min_length=1, max_length=200, pattern=r"\S")


class MemberChange(BaseModel):
    """Another role."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "viewer"}]})

    role: Role


class Transfer(BaseModel):
    """Who becomes admin."""

    user_id: str = Field(max_length=100)


class InvitationCreate(BaseModel):
    """A new invitation."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "grace@example.com", "role": "publisher"}]})

    email: Email
    role: Role


class InvitationView(BaseModel):
    """An invitation, as admins see it."""

    id: str
    email: str
    role: Role
    status: Literal["pending", "expired"]
    invited_by: str = Field(description="The name of who invited.")
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, row: Invitation) -> "InvitationView":
        """Of a pending invitation."""
        return cls(
            id=row.id,
            email=row.email,
            role=row.role,
            status="pending" if row.is_open(real_now()) else "expired",
            invited_by=row.inviter_name,
            created_at=row.created_at,
            expires_at=row.expires_at,
        )


class InvitationToken(BaseModel):
    """The secret of the mail's link."""

    token: str = Field(min_length=1, max_length=200)


class InvitationOffer(BaseModel):
    """What the invited person sees."""

    organization: str = Field(description="Its name.")
    email: str
    role: Role
    may: str = Field(description="What the role may do.")
    invited_by: str
    expires_at: datetime

    @classmethod
    def of(cls, row: Invitation, organization: Organization) -> "InvitationOffer":
        """Of an open invitation."""
        return cls(
            organization=organization.name,
            email=row.email,
            role=row.role,
            may=MAY[row.role],
            invited_by=row.inviter_name,
            expires_at=row.expires_at,
        )


class MemberView(BaseModel):
    """A member."""

    user_id: str
    email: str
    name: str
    role: Role
    created_at: datetime

    @classmethod
    def of(cls, row: Member) -> "MemberView":
        """Of a member."""
        return cls(user_id=row.user_id, email=row.email, name=row.name, role=row.role, created_at=row.created_at)


class ProjectCreate(BaseModel):
    """A new project."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"display_name": "Sample Project", "identifier": "sample-project", "description": "My sample project"}
            ]
        }
    )

    display_name: str = Field(min_length=1, max_length=200)
    identifier: str | None = Field(default=None, description="3 to 40 characters; made of the name if left out.")
    description: str = Field(default="", max_length=2000)


class ProjectView(BaseModel):
    """A project."""

    id: str = Field(examples=["proj_01KB3W2VZ5R8M4Q0X7C9T6N1DE"])
    organization_id: str
    display_name: str
    identifier: str
    description: str
    created_at: datetime

    @classmethod
    def of(cls, row: Project) -> "ProjectView":
        """Of a project."""
        return cls(
            id=row.id,
            organization_id=row.organization_id,
            display_name=row.display_name,
            identifier=row.identifier,
            description=row.description,
            created_at=row.created_at,
        )
