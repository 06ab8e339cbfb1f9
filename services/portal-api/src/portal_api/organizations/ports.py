"""What the use cases of organizations need from outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.domain.access import Role
from portal_api.organizations.domain.branding import Branding, Logo, PageName
from portal_api.organizations.domain.invitation import Invitation
from portal_api.organizations.domain.organization import Member, Organization, Project


class OrganizationRepository(Protocol):
    """Organizations with their members and projects. Lists are oldest first, `after` is an id."""

    async def add(self, session: AsyncSession, organization: Organization) -> bool:
        """False when the identifier is taken."""
        ...

    async def find(self, session: AsyncSession, id_or_identifier: str, *, lock: bool = False) -> Organization | None:
        """By id or identifier; `lock` holds the row until the transaction ends."""
        ...

    async def rename(self, session: AsyncSession, organization_id: str, name: str) -> None:
        """Its name; the identifier stays, as it is part of addresses."""
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

    async def member(self, session: AsyncSession, organization_id: str, user_id: str) -> Member | None:
        """One of them."""
        ...

    async def is_member(self, session: AsyncSession, organization_id: str, email: str) -> bool:
        """Whether somebody with this address is one."""
        ...

    async def set_role(self, session: AsyncSession, organization_id: str, user_id: str, role: Role) -> None:
        """Of a member."""
        ...

    async def remove_member(self, session: AsyncSession, organization_id: str, user_id: str) -> None:
        """They are a stranger from now on."""
        ...

    async def other_admins(self, session: AsyncSession, organization_id: str, user_id: str) -> int:
        """How many admins there are beside this user."""
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


class InvitationRepository(Protocol):
    """Invitations."""

    async def add(self, session: AsyncSession, invitation: Invitation) -> None:
        """Keep it."""
        ...

    async def save(self, session: AsyncSession, invitation: Invitation) -> None:
        """Its status; nothing else of it changes."""
        ...

    async def find(self, session: AsyncSession, invitation_id: str) -> Invitation | None:
        """By id, held until the transaction ends."""
        ...

    async def by_token(self, session: AsyncSession, token_sha256: str, *, lock: bool) -> Invitation | None:
        """By its secret's hash."""
        ...

    async def pending(
        self, session: AsyncSession, organization_id: str, *, limit: int, after: str | None
    ) -> Sequence[Invitation]:
        """Neither answered nor revoked, oldest first."""
        ...

    async def pending_count(self, session: AsyncSession, organization_id: str) -> int:
        """How many of them."""
        ...

    async def revoke_pending(self, session: AsyncSession, organization_id: str, email: str) -> None:
        """Those of one address."""
        ...


class BrandingRepository(Protocol):
    """How portals look."""

    async def find(self, session: AsyncSession, organization_id: str) -> Branding:
        """An organization's; one that chose nothing has an empty one."""
        ...

    async def save(self, session: AsyncSession, branding: Branding) -> None:
        """All but its pages."""
        ...

    async def logo(self, session: AsyncSession, organization_id: str) -> Logo | None:
        """Its picture."""
        ...

    async def save_logo(self, session: AsyncSession, organization_id: str, logo: Logo | None) -> None:
        """None takes it away."""
        ...

    async def page(self, session: AsyncSession, organization_id: str, page: PageName) -> str | None:
        """A page's Markdown."""
        ...

    async def save_page(
        self, session: AsyncSession, organization_id: str, page: PageName, markdown: str, at: datetime
    ) -> None:
        """An empty text takes the page away."""
        ...


class LogoMaker(Protocol):
    """Pictures that were uploaded become pictures of ours."""

    async def make(self, content: bytes) -> Logo:
        """Raises DomainError where it is none that can be used."""
        ...
