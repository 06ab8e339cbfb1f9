"""Open Stripe's billing portal for a subscription, and see whether it is open."""

from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.domain.portal_session import PortalSession, check_manageable
from portal_api.billing.ports import PortalSessionStore, Publisher
from portal_api.billing.use_cases.subscriptions import Subscriptions
from portal_api.identity.domain.access import Actor
from shared.clock import real_now
from shared.errors import DomainError
from shared.events.billing import BillingPortalOpened, BillingPortalRefused, BillingPortalRequested
from shared.events.topics import BILLING_COMMANDS
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class BillingPortal:
    """The use cases, with what they need."""

    sessions: PortalSessionStore
    subscriptions: Subscriptions
    publisher: Publisher
    portal_url: str

    async def open(
        self, session: AsyncSession, actor: Actor, subscription_id: str, return_url: str | None
    ) -> PortalSession:
        """Order it; billing-sync answers with an address or a reason."""
        subscription = await self.subscriptions.owned(session, subscription_id, actor.user_id)
        check_manageable(subscription)
        wish = PortalSession(
            id=new_id("bp"),
            subscription_id=subscription.id,
            developer_id=actor.user_id,
            status="pending",
            created_at=real_now(),
        )
        await self.sessions.save(session, wish)
        command = BillingPortalRequested(
            request_id=wish.id,
            organization_id=subscription.organization_id,
            subscription_id=subscription.id,
            user_id=actor.user_id,
            return_url=return_url or self.portal_url,
            requested_at=wish.created_at,
        )
        await self.publisher.publish(session, BILLING_COMMANDS, subscription.id, command)
        return wish

    async def read(self, session: AsyncSession, actor: Actor, subscription_id: str, session_id: str) -> PortalSession:
        """Only who asked for it sees it."""
        found = await self.sessions.find(session, session_id)
        if found is None or (found.developer_id, found.subscription_id) != (actor.user_id, subscription_id):
            detail = "There is no such billing portal session of yours. Open another one."
            raise DomainError("portal-session-not-found", 404, "No such billing portal session", detail)
        return found


async def keep_answer(
    sessions: PortalSessionStore, session: AsyncSession, event: BillingPortalOpened | BillingPortalRefused
) -> None:
    """The newest address stays: a repeat after a crash opened another page."""
    wish = await sessions.find(session, event.request_id)
    if wish is None:
        return
    if isinstance(event, BillingPortalOpened):
        await sessions.save(session, wish.opened(event.url))
    else:
        await sessions.save(session, wish.refused(event.problem, event.detail))
