"""What the audit log's use cases need from outside."""

from collections.abc import Sequence
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.audit.domain.entry import Entry, Filter


class AuditStore(Protocol):
    """Entries, newest first; `before` is an entry's number."""

    async def of_organization(
        self, session: AsyncSession, organization_id: str, wanted: Filter, *, before: int | None, limit: int
    ) -> Sequence[Entry]:
        """What was changed of an organization."""
        ...

    async def of_user(self, session: AsyncSession, user_id: str, *, before: int | None, limit: int) -> Sequence[Entry]:
        """What was changed of a user's account: sign-ins, passwords, tokens."""
        ...
