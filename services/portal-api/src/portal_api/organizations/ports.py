"""What the use cases of organizations need from outside."""

from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.domain.access import Role
from portal_api.organizations.domain.organization import Member, Organization, Project


class OrganizationRepository(Protocol):
    """Organizations with their members and projects. Lists are oldest first, `after` is an id."""

    async def add(self, session: AsyncSession, organization: Organization) -> bool:
        """False when the identifier is taken."""
        ...

    async def find(self, session: AsyncSession, id_or_identifier: str) -> Organization | None:
        """By id or identifier."""
        ...

    async def role_of(self, session: AsyncSession, organization_id: str, user_id: str) -> Role | None:
        """The user's role, None for strangers."""
        ...

    async def of_user(
        self, session: AsyncSession, user_id: str, *, limit: int, after: str | None
    ) -> list[tuple[Organization, Role]]:
        """Where the user is a member."""
        ...

    async def add_member(self, session: AsyncSession, member: Member) -> bool:
        """False when the user is a member already."""
        ...

    async def members(
        self, session: AsyncSession, organization_id: str, *, limit: int, after: str | None
    ) -> list[Member]:
        """`after` is a user's id."""
        ...

    async def add_project(self, session: AsyncSession, project: Project) -> bool:
        """False when the identifier is taken in its organization."""
        ...

    async def project(self, session: AsyncSession, organization_id: str, id_or_identifier: str) -> Project | None:
        """By id or identifier."""
        ...

    async def projects(
        self, session: AsyncSession, organization_id: str, *, limit: int, after: str | None
    ) -> list[Project]:
        """The projects of an organization."""
        ...
