"""How long subscribers keep access while a payment is overdue: the provider says so, subscriptions obeys."""

from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.ports import GraceStore, Publisher
from portal_api.identity.domain.access import Actor
from portal_api.organizations.use_cases import Organizations
from shared.clock import real_now
from shared.events.subscriptions import PaymentGraceSet
from shared.events.topics import SUBSCRIPTIONS_COMMANDS

MAX_GRACE_DAYS = 60


@dataclass(frozen=True, slots=True)
class PaymentGraces:
    """The use cases, with what they need."""

    store: GraceStore
    organizations: Organizations
    publisher: Publisher

    async def set(self, session: AsyncSession, actor: Actor, organization: str, days: int) -> int:
        """For debts that begin from now on."""
        found = await self.organizations.require_role(session, actor, organization, "admin")
        await self.store.save_grace(session, found.id, days)
        command = PaymentGraceSet(
            organization_id=found.id, grace_days=days, user_id=actor.user_id, requested_at=real_now()
        )
        await self.publisher.publish(session, SUBSCRIPTIONS_COMMANDS, found.id, command)
        return days

    async def read(self, session: AsyncSession, actor: Actor, organization: str) -> int | None:
        """Days; None: nothing was set, the operator's default holds."""
        found = await self.organizations.require_role(session, actor, organization, "viewer")
        return await self.store.grace(session, found.id)
