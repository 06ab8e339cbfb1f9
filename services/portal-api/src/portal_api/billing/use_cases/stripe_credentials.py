"""Stripe keys of an organization: sealed at once, checked by billing-sync, shown as what became of them."""

from dataclasses import dataclass, replace

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.domain.stripe_keys import StripeConnection, check_keys
from portal_api.billing.ports import ConnectionStore, Publisher, Sealer
from portal_api.identity.domain.access import Actor
from portal_api.organizations.use_cases import Organizations
from shared.events.billing import StripeConnectRequested, StripeDisconnectRequested
from shared.events.topics import BILLING_COMMANDS
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class StripeCredentials:
    """The use cases, with what they need."""

    connections: ConnectionStore
    publisher: Publisher
    sealer: Sealer
    organizations: Organizations

    async def connect(
        self, session: AsyncSession, actor: Actor, organization: str, *, secret_key: str, publishable_key: str
    ) -> StripeConnection:
        """Order the check of new keys; those in use stay until the new ones are found to work."""
        found = await self.organizations.require_role(session, actor, organization, "admin")
        check_keys(secret_key, publishable_key)
        sealed = self.sealer.seal(secret_key)
        known = await self.connections.find(session, found.id) or StripeConnection(found.id)
        connection = replace(known, pending_connection_id=new_id("conn"))
        await self.connections.save(session, connection)
        command = StripeConnectRequested(
            organization_id=found.id,
            connection_id=connection.pending_connection_id or "",
            sealed_secret_key=sealed,
            publishable_key=publishable_key,
            user_id=actor.user_id,
        )
        await self.publisher.publish(session, BILLING_COMMANDS, found.id, command)
        return connection

    async def read(self, session: AsyncSession, actor: Actor, organization: str) -> StripeConnection:
        """What became of the keys; never the secret one, which nobody here can open."""
        found = await self.organizations.require_role(session, actor, organization, "viewer")
        return await self.connections.find(session, found.id) or StripeConnection(found.id)

    async def disconnect(self, session: AsyncSession, actor: Actor, organization: str) -> StripeConnection:
        """Order that the keys be forgotten."""
        found = await self.organizations.require_role(session, actor, organization, "admin")
        command = StripeDisconnectRequested(organization_id=found.id, user_id=actor.user_id)
        await self.publisher.publish(session, BILLING_COMMANDS, found.id, command)
        return await self.connections.find(session, found.id) or StripeConnection(found.id)

    async def look(self, session: AsyncSession, organization_id: str) -> StripeConnection | None:
        """For pages that say in which mode is paid; it asks nobody who they are, and locks nothing."""
        return await self.connections.look(session, organization_id)

    async def is_connected(self, session: AsyncSession, organization_id: str) -> bool:
        """Whether paid plans can be sold."""
        connection = await self.connections.find(session, organization_id)
        return connection is not None and connection.connected
