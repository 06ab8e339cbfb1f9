"""What organizations do. `require_role` is the one place where tenants are kept apart."""

from dataclasses import replace

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.domain.access import Actor, Role, covers
from portal_api.organizations.domain.organization import (
    RESERVED,
    Member,
    Organization,
    Project,
    identifier_fault,
    slug,
)
from portal_api.organizations.ports import OrganizationRepository
from shared.clock import real_now
from shared.errors import DomainError
from shared.ids import new_id


class Organizations:
    """Organizations, members, projects."""

    def __init__(self, repository: OrganizationRepository) -> None:
        self._repository = repository

    async def require_role(
        self, session: AsyncSession, actor: Actor, organization: str, role: Role, *, lock: bool = False
    ) -> Organization:
        """The organization (by id or identifier) in which the actor has `role` or more.

        A stranger gets the same 404 as for an organization that does not exist: nobody learns what others have.
        """
        found = await self._repository.find(session, organization, lock=lock)
        actual = await self._repository.role_of(session, found.id, actor.user_id) if found else None
        if found is None or actual is None:
            raise not_found("organization")
        if not covers(actual, role):
            detail = f"You need the role {role} in this organization and have the role {actual}. Ask an admin."
            raise DomainError("insufficient-role", 403, "Your role does not allow this", detail)
        return found

    async def get_mine(self, session: AsyncSession, actor: Actor, organization: str) -> tuple[Organization, Role]:
        """An organization where the actor is a member, with the role."""
        found = await self.require_role(session, actor, organization, "viewer")
        role = await self._repository.role_of(session, found.id, actor.user_id)
        if role is None:
            raise not_found("organization")
        return found, role

    async def find(self, session: AsyncSession, organization: str) -> Organization:
        """Any organization, for its public portal: no membership needed."""
        found = await self._repository.find(session, organization)
        if found is None:
            raise not_found("organization")
        return found

    async def create(
        self,
        session: AsyncSession,
        actor: Actor,
        *,
        name: str,
        identifier: str | None,
        privacy_policy_accepted: bool,
        terms_accepted: bool,
    ) -> Organization:
        """A new organization; its creator becomes admin."""
        for accepted, field, what in (
            (privacy_policy_accepted, "privacy_policy_accepted", "privacy policy"),
            (terms_accepted, "terms_accepted", "terms of use"),
        ):
            if not accepted:
                detail = f"Accept the {what}: send `{field}`: true."
                raise DomainError("not-accepted", 422, f"The {what} must be accepted", detail, field)
        chosen = _identifier(identifier, name, "name", RESERVED)
        now = real_now()
        organization = Organization(
            id=new_id("org"),
            name=name.strip(),
            identifier=chosen,
            created_at=now,
            privacy_policy_accepted_at=now,
            terms_accepted_at=now,
        )
        if not await self._repository.add(session, organization):
            raise _taken("organization", chosen)
        await self._repository.add_member(
            session,
            Member(
                organization_id=organization.id,
                user_id=actor.user_id,
                role="admin",
                created_at=now,
                email=actor.email,
                name=actor.name,
            ),
        )
        return organization

    async def rename(self, session: AsyncSession, actor: Actor, organization: str, name: str) -> Organization:
        """Another name; the identifier is part of addresses and stays."""
        found = await self.require_role(session, actor, organization, "admin")
        await self._repository.rename(session, found.id, name.strip())
        return replace(found, name=name.strip())

    async def list_mine(
        self, session: AsyncSession, actor: Actor, *, limit: int, after: str | None
    ) -> list[tuple[Organization, Role]]:
        """Where the actor is a member, with the role."""
        return await self._repository.of_user(session, actor.user_id, limit=limit, after=after)

    async def list_members(
        self, session: AsyncSession, actor: Actor, organization: str, *, limit: int, after: str | None
    ) -> list[Member]:
        """Who belongs to the organization."""
        found = await self.require_role(session, actor, organization, "viewer")
        return await self._repository.members(session, found.id, limit=limit, after=after)

    async def create_project(
        self,
        session: AsyncSession,
        actor: Actor,
        organization: str,
        *,
        display_name: str,
        identifier: str | None,
        description: str,
    ) -> Project:
        """A new project."""
        found = await self.require_role(session, actor, organization, "publisher")
        project = Project(
            id=new_id("proj"),
            organization_id=found.id,
            display_name=display_name.strip(),
            identifier=_identifier(identifier, display_name, "display_name"),
            description=description,
            created_at=real_now(),
        )
        if not await self._repository.add_project(session, project):
            raise _taken("project", project.identifier)
        return project

    async def list_projects(
        self, session: AsyncSession, actor: Actor, organization: str, *, limit: int, after: str | None
    ) -> list[Project]:
        """The projects of an organization."""
        found = await self.require_role(session, actor, organization, "viewer")
        return await self._repository.projects(session, found.id, limit=limit, after=after)

    async def require_project(
        self, session: AsyncSession, actor: Actor, organization: str, project: str, role: Role = "viewer"
    ) -> tuple[Organization, Project]:
        """A project (by id or identifier) of an organization where the actor has `role`."""
        found = await self.require_role(session, actor, organization, role)
        row = await self._repository.project(session, found.id, project)
        if row is None:
            raise not_found("project")
        return found, row


def not_found(what: str) -> DomainError:
    """The one answer for what does not exist and for what is another tenant's."""
    detail = f"There is no such {what}, or you may not see it. Check the id, and with whose token you call."
    return DomainError(f"{what}-not-found", 404, f"No such {what}", detail)


def _identifier(given: str | None, name: str, name_field: str, reserved: frozenset[str] = frozenset()) -> str:
    chosen = given if given is not None else slug(name)
    fault = identifier_fault(chosen, reserved=reserved)
    if fault is not None:
        if given is None:
            fault = f"The identifier `{chosen}`, made of `{name_field}`, cannot be used: {fault} Send `identifier`."
        raise DomainError("identifier-invalid", 422, "The identifier cannot be used", fault, "identifier")
    return chosen


def _taken(what: str, identifier: str) -> DomainError:
    detail = f"There is another {what} with the identifier `{identifier}`. Send another `identifier`."
    return DomainError("identifier-taken", 409, "The identifier is taken", detail, "identifier")
