"""Reading the audit log. Nothing here writes it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.audit.domain.entry import Entry, Filter, number_of
from portal_api.audit.ports import AuditStore
from portal_api.identity.domain.access import Actor
from portal_api.organizations.use_cases import Organizations
from shared.errors import DomainError


@dataclass(frozen=True, slots=True)
class AuditLog:
    """The use cases, with what they need."""

    store: AuditStore
    organizations: Organizations

    async def of_organization(
        self, session: AsyncSession, actor: Actor, organization: str, wanted: Filter, *, after: str | None, limit: int
    ) -> Sequence[Entry]:
        """For admins: entries tell who works from where."""
        found = await self.organizations.require_role(session, actor, organization, "admin")
        return await self.store.of_organization(session, found.id, wanted, before=_before(after), limit=limit)

    async def of_my_account(
        self, session: AsyncSession, actor: Actor, *, after: str | None, limit: int
    ) -> Sequence[Entry]:
        """What happened to the actor's own account."""
        return await self.store.of_user(session, actor.user_id, before=_before(after), limit=limit)


def _before(after: str | None) -> int | None:
    if after is None:
        return None
    number = number_of(after)
    if number is None:
        detail = "Pass the `next` of the page before, or leave `after` out."
        raise DomainError("invalid-request", 422, "The request is not valid", detail, "after")
    return number
