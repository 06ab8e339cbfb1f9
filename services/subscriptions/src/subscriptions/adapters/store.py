"""All ports on one session, and the publisher on the outbox."""

from collections.abc import Callable

from sqlmodel.ext.asyncio.session import AsyncSession

from shared.events.subscriptions import AccessEntryState, access_key
from shared.events.topics import SUBSCRIPTIONS_ACCESS, SUBSCRIPTIONS_STATE
from shared.messaging.outbox import Outbox
from subscriptions.adapters.catalog_store import PostgresAccessEntries, PostgresCatalog, PostgresParked
from subscriptions.adapters.repositories import (
    PostgresAgenda,
    PostgresClosings,
    PostgresGraces,
    PostgresSubscriptions,
)
from subscriptions.domain.policy import Policy
from subscriptions.domain.state import state_of
from subscriptions.domain.subscription import Subscription


class OutboxPublisher:
    """The port `Publisher`. The entity's row is locked by then: order per key is the order of commits."""

    def __init__(self, session: AsyncSession, outbox: Outbox) -> None:
        self._session = session
        self._outbox = outbox

    async def state(self, subscription: Subscription) -> None:
        """To `subscriptions.state`."""
        state = state_of(subscription)
        await self._outbox.publish(self._session, SUBSCRIPTIONS_STATE, state.subscription_id, state)

    async def access(self, entry: AccessEntryState) -> None:
        """To `subscriptions.access`."""
        key = access_key(entry.application_id, entry.api_id)
        await self._outbox.publish(self._session, SUBSCRIPTIONS_ACCESS, key, entry)


class PostgresStore:
    """The port `Store`."""

    def __init__(self, session: AsyncSession, outbox: Outbox, policy: Policy) -> None:
        self.policy = policy
        self.subscriptions = PostgresSubscriptions(session, policy)
        self.agenda = PostgresAgenda(session)
        self.closings = PostgresClosings(session)
        self.graces = PostgresGraces(session)
        self.catalog = PostgresCatalog(session)
        self.parked = PostgresParked(session)
        self.access = PostgresAccessEntries(session)
        self.publisher = OutboxPublisher(session, outbox)


def store_factory(outbox: Outbox, policy: Policy) -> Callable[[AsyncSession], PostgresStore]:
    """What main gives the entrypoints: a store for the session of a transaction."""
    return lambda session: PostgresStore(session, outbox, policy)
