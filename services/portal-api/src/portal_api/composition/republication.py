"""What `portal_api.republish` works with."""

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.db.unit_of_work import UnitOfWork


class RepublishPage(Protocol):
    """Puts the next states after an id into the outbox, or where the service does it soon."""

    async def __call__(self, session: AsyncSession, *, after: str, limit: int) -> list[str]:
        """Their ids; none is the end."""
        ...


@dataclass(frozen=True, slots=True)
class Republication:
    """Each kind of state with the use case that publishes it again."""

    engine: AsyncEngine
    uow: UnitOfWork
    kinds: tuple[tuple[str, RepublishPage], ...]
