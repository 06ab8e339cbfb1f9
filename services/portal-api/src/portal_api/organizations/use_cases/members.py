"""Members: other roles, leaving, handing an organization over. It always keeps an admin."""

from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.domain.access import Actor, Role
from portal_api.organizations.domain.organization import Member
from portal_api.organizations.ports import OrganizationRepository
from portal_api.organizations.use_cases.organizations import Organizations, not_found
from shared.errors import DomainError


@dataclass(frozen=True, slots=True)
class Members:
    """The use cases, with what they need."""

    organizations: Organizations
    repository: OrganizationRepository

    async def change_role(
        self, session: AsyncSession, actor: Actor, organization: str, user_id: str, role: Role
    ) -> Member:
        """Give a member another role."""
        found = await self.organizations.require_role(session, actor, organization, "admin", lock=True)
        member = await self._member(session, found.id, user_id)
        if member.role == "admin" and role != "admin":
            await self._check_another_admin(session, found.id, user_id)
        await self.repository.set_role(session, found.id, user_id, role)
        return await self._member(session, found.id, user_id)

    async def remove(self, session: AsyncSession, actor: Actor, organization: str, user_id: str) -> None:
        """An admin removes somebody; everybody may leave."""
        wanted: Role = "viewer" if user_id == actor.user_id else "admin"
        found = await self.organizations.require_role(session, actor, organization, wanted, lock=True)
        member = await self._member(session, found.id, user_id)
        if member.role == "admin":
            await self._check_another_admin(session, found.id, user_id)
        await self.repository.remove_member(session, found.id, user_id)

    async def transfer(self, session: AsyncSession, actor: Actor, organization: str, user_id: str) -> Member:
        """Another member becomes admin in the actor's place; the actor stays as publisher."""
        found = await self.organizations.require_role(session, actor, organization, "admin", lock=True)
        if user_id == actor.user_id:
            detail = "Name another member: you are an admin already."
            raise DomainError("transfer-to-oneself", 422, "That is you", detail, "user_id")
        await self._member(session, found.id, user_id)
        await self.repository.set_role(session, found.id, user_id, "admin")
        await self.repository.set_role(session, found.id, actor.user_id, "publisher")
        return await self._member(session, found.id, user_id)

    async def _member(self, session: AsyncSession, organization_id: str, user_id: str) -> Member:
        member = await self.repository.member(session, organization_id, user_id)
        if member is None:
            raise not_found("member")
        return member

    async def _check_another_admin(self, session: AsyncSession, organization_id: str, user_id: str) -> None:
        if not await self.repository.other_admins(session, organization_id, user_id):
            detail = "An organization keeps at least one admin. Make somebody else admin first, or transfer it."
            raise DomainError("last-admin", 409, "The last admin", detail)
