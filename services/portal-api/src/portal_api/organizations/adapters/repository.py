"""The rows of organizations in PostgreSQL."""

from dataclasses import asdict
from typing import Any, cast

from sqlalchemy import delete, func, or_, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.identity.domain.access import Role
from portal_api.organizations.adapters.tables import MemberRow, OrganizationRow, ProjectRow
from portal_api.organizations.domain.organization import Member, Organization, Project
from portal_api.storage.reads import forget, once, remember

# Members with names: users are identity's rows, so the join is written out instead of importing its tables.
_MEMBERS = text(
    "select m.organization_id, m.user_id, m.role, m.created_at, u.email, u.name from members m"
    " join users u on u.id = m.user_id where m.organization_id = :organization_id and m.user_id > :after"
    " order by m.user_id limit :limit"
)
_MEMBER = text(
    "select m.organization_id, m.user_id, m.role, m.created_at, u.email, u.name from members m"
    " join users u on u.id = m.user_id where m.organization_id = :organization_id and m.user_id = :user_id"
)
_IS_MEMBER = text(
    "select 1 from members m join users u on u.id = m.user_id"
    " where m.organization_id = :organization_id and u.email = :email"
)


class PostgresOrganizationRepository:
    """The port `OrganizationRepository`."""

    async def add(self, session: AsyncSession, organization: Organization) -> bool:
        """False when the identifier is taken."""
        forget(session)
        statement = (
            insert(OrganizationRow)
            .values(**asdict(organization))
            .on_conflict_do_nothing(index_elements=["identifier"])
            .returning(col(OrganizationRow.id))
        )
        return (await session.execute(statement)).first() is not None

    async def find(self, session: AsyncSession, id_or_identifier: str, *, lock: bool = False) -> Organization | None:
        """By id or identifier: an id has an underscore, an identifier never."""
        statement = select(OrganizationRow).where(
            or_(col(OrganizationRow.id) == id_or_identifier, col(OrganizationRow.identifier) == id_or_identifier)
        )
        if lock:
            forget(session)
            statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)

        async def load() -> Organization | None:
            row = (await session.exec(statement)).first()
            return Organization(**row.model_dump()) if row else None

        return await once(session, ("organization", id_or_identifier), load)

    async def rename(self, session: AsyncSession, organization_id: str, name: str) -> None:
        """Its name."""
        forget(session)
        await session.execute(
            update(OrganizationRow).where(col(OrganizationRow.id) == organization_id).values(name=name)
        )

    async def role_of(self, session: AsyncSession, organization_id: str, user_id: str) -> Role | None:
        """The user's role, None for strangers."""

        async def load() -> Role | None:
            row = await session.get(MemberRow, (organization_id, user_id), populate_existing=True)
            return cast(Role, row.role) if row else None

        return await once(session, ("role", organization_id, user_id), load)

    async def of_user(
        self, session: AsyncSession, user_id: str, *, limit: int, after: str | None
    ) -> list[tuple[Organization, Role]]:
        """Where the user is a member."""
        rows = await session.exec(
            select(OrganizationRow, MemberRow.role)
            .where(MemberRow.organization_id == OrganizationRow.id, MemberRow.user_id == user_id)
            .where(OrganizationRow.id > (after or ""))
            .order_by(OrganizationRow.id)
            .limit(limit)
        )
        found = [(Organization(**row.model_dump()), cast(Role, role)) for row, role in rows]
        for organization, role in found:
            for name in (organization.id, organization.identifier):
                remember(session, ("organization", name), organization)
            remember(session, ("role", organization.id, user_id), role)
        return found

    async def add_member(self, session: AsyncSession, member: Member) -> bool:
        """False when the user is a member already."""
        forget(session)
        statement = (
            insert(MemberRow)
            .values(
                organization_id=member.organization_id,
                user_id=member.user_id,
                role=member.role,
                created_at=member.created_at,
            )
            .on_conflict_do_nothing()
            .returning(col(MemberRow.user_id))
        )
        return (await session.execute(statement)).first() is not None

    async def members(
        self, session: AsyncSession, organization_id: str, *, limit: int, after: str | None
    ) -> list[Member]:
        """With their names and e-mail addresses."""
        rows = await session.execute(
            _MEMBERS, {"organization_id": organization_id, "after": after or "", "limit": limit}
        )
        return [Member(**row) for row in rows.mappings()]

    async def member(self, session: AsyncSession, organization_id: str, user_id: str) -> Member | None:
        """One of them."""
        rows = await session.execute(_MEMBER, {"organization_id": organization_id, "user_id": user_id})
        row = rows.mappings().first()
        return Member(**row) if row else None

    async def is_member(self, session: AsyncSession, organization_id: str, email: str) -> bool:
        """Whether somebody with this address is one."""
        rows = await session.execute(_IS_MEMBER, {"organization_id": organization_id, "email": email})
        return rows.first() is not None

    async def set_role(self, session: AsyncSession, organization_id: str, user_id: str, role: Role) -> None:
        """Of a member."""
        forget(session)
        await session.execute(_of_member(update(MemberRow), organization_id, user_id).values(role=role))

    async def remove_member(self, session: AsyncSession, organization_id: str, user_id: str) -> None:
        """They are a stranger from now on."""
        forget(session)
        await session.execute(_of_member(delete(MemberRow), organization_id, user_id))

    async def other_admins(self, session: AsyncSession, organization_id: str, user_id: str) -> int:
        """How many admins there are beside this user."""
        counted = await session.exec(
            select(func.count())
            .select_from(MemberRow)
            .where(col(MemberRow.organization_id) == organization_id, col(MemberRow.role) == "admin")
            .where(col(MemberRow.user_id) != user_id)
        )
        return counted.one()

    async def add_project(self, session: AsyncSession, project: Project) -> bool:
        """False when the identifier is taken in its organization."""
        forget(session)
        statement = (
            insert(ProjectRow)
            .values(**asdict(project))
            .on_conflict_do_nothing(index_elements=["organization_id", "identifier"])
            .returning(col(ProjectRow.id))
        )
        return (await session.execute(statement)).first() is not None

    async def project(self, session: AsyncSession, organization_id: str, id_or_identifier: str) -> Project | None:
        """By id or identifier."""
        statement = (
            select(ProjectRow)
            .where(ProjectRow.organization_id == organization_id)
            .where(or_(col(ProjectRow.id) == id_or_identifier, col(ProjectRow.identifier) == id_or_identifier))
        )

        async def load() -> Project | None:
            row = (await session.exec(statement)).first()
            return Project(**row.model_dump()) if row else None

        return await once(session, ("project", organization_id, id_or_identifier), load)

    async def projects(
        self, session: AsyncSession, organization_id: str, *, limit: int, after: str | None
    ) -> list[Project]:
        """Oldest first."""
        rows = await session.exec(
            select(ProjectRow)
            .where(ProjectRow.organization_id == organization_id, ProjectRow.id > (after or ""))
            .order_by(ProjectRow.id)
            .limit(limit)
        )
        found = [Project(**row.model_dump()) for row in rows]
        for project in found:
            for name in (project.id, project.identifier):
                remember(session, ("project", organization_id, name), project)
        return found


def _of_member(statement: Any, organization_id: str, user_id: str) -> Any:
    return statement.where(col(MemberRow.organization_id) == organization_id, col(MemberRow.user_id) == user_id)
