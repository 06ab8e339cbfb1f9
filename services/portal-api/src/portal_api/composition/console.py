"""The Console's pages with the use cases that they call, and what the catalogue asks of billing."""

from dataclasses import dataclass
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.adapters.subscription_store import PostgresConnections, PostgresSubscriptions
from portal_api.billing.use_cases.provider_billing import ProviderBilling
from portal_api.billing.use_cases.stripe_credentials import StripeCredentials
from portal_api.billing.use_cases.subscriptions import Subscriptions
from portal_api.catalog.entrypoints.routes import CatalogUseCases
from portal_api.composition.payments import Payments
from portal_api.organizations.use_cases.branding import Brandings
from portal_api.web.console.members import MemberPages
from portal_api.web.console.wiring import Console
from portal_api.web.kit.pages import Kit


class Selling(Protocol):
    """What `main` has of billing."""

    @property
    def provider(self) -> ProviderBilling:
        """What a provider looks at."""
        ...

    @property
    def stripe(self) -> StripeCredentials:
        """The keys."""
        ...

    @property
    def payments(self) -> Payments:
        """The grace for overdue payments."""
        ...

    @property
    def subscriptions(self) -> Subscriptions:
        """Who subscribes."""
        ...


@dataclass(frozen=True, slots=True)
class BillingFacts:
    """The catalogue's port `BillingView`: billing stands above the catalogue, which therefore asks through here."""

    connections: PostgresConnections
    subscriptions: PostgresSubscriptions

    async def is_stripe_connected(self, session: AsyncSession, organization_id: str) -> bool:
        """Whether paid plans can be sold."""
        connection = await self.connections.find(session, organization_id)
        return connection is not None and connection.connected

    async def live_subscription_count(self, session: AsyncSession, *, api_id: str | None, plan_id: str | None) -> int:
        """Subscriptions that have not ended."""
        return await self.subscriptions.live_count(session, api_id=api_id, plan_id=plan_id)


def console_of(
    kit: Kit,
    catalog: CatalogUseCases,
    selling: Selling,
    *,
    members: MemberPages,
    brandings: Brandings,
    sample_contract_url: str,
) -> Console:
    """All that its pages need."""
    return Console(
        kit=kit,
        organizations=members.organizations,
        catalog=catalog.reader,
        imports=catalog.imports,
        deployments=catalog.deployments,
        releases=catalog.releases,
        plans=catalog.plans,
        stripe=selling.stripe,
        subscriptions=selling.subscriptions,
        provider=selling.provider,
        members=members,
        graces=selling.payments.graces,
        brandings=brandings,
        sample_contract_url=sample_contract_url,
    )
