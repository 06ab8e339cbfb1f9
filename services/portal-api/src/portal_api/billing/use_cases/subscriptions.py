"""Subscribe, look, cancel, resume. The subscriptions service decides; the portal reserves, orders and shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.applications.domain.application import Application, check_active
from portal_api.applications.use_cases.applications import Applications
from portal_api.billing.domain.subscription import (
    PENDING,
    Checkout,
    Subscription,
    already_subscribed,
    check_cancel,
    check_resume,
    no_such_subscription,
)
from portal_api.billing.ports import Publisher, SubscriptionStore
from portal_api.billing.use_cases.stripe_credentials import StripeCredentials
from portal_api.catalog.domain.api import Api
from portal_api.catalog.domain.plan import Plan
from portal_api.catalog.domain.release import TAKES_SUBSCRIPTIONS
from portal_api.catalog.use_cases.reading import CatalogReader
from portal_api.identity.domain.access import Actor
from portal_api.organizations.use_cases import Organizations
from shared.clock import Clock
from shared.errors import DomainError
from shared.events.subscriptions import (
    SubscriptionCancelRequested,
    SubscriptionRequested,
    SubscriptionResumeRequested,
)
from shared.events.topics import SUBSCRIPTIONS_COMMANDS
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a developer subscribes to; the URLs are where Checkout returns to."""

    api_id: str
    plan_id: str
    success_url: str | None = None
    cancel_url: str | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionEnding:
    """Orders the end of subscriptions; also what applications need when one of them is deleted."""

    store: SubscriptionStore
    publisher: Publisher
    clock: Clock

    async def end_all(self, session: AsyncSession, application: Application, user_id: str) -> int:
        """Order the end of every live subscription of an application; how many there are."""
        live = await self.store.live_of_application(session, application.id)
        for subscription in live:
            await self.order(session, subscription, "now", "application_deleted", user_id)
        return len(live)

    async def order(
        self,
        session: AsyncSession,
        subscription: Subscription,
        when: Literal["now", "period_end"],
        by: Literal["developer", "provider", "application_deleted"],
        user_id: str,
    ) -> None:
        """One command; the subscriptions service makes a repeat harmless."""
        command = SubscriptionCancelRequested(
            subscription_id=subscription.id, when=when, by=by, user_id=user_id, requested_at=self.clock.now()
        )
        await self.publisher.publish(session, SUBSCRIPTIONS_COMMANDS, subscription.id, command)


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The use cases, with what they need."""

    store: SubscriptionStore
    publisher: Publisher
    clock: Clock
    applications: Applications
    organizations: Organizations
    catalog: CatalogReader
    stripe: StripeCredentials
    ending: SubscriptionEnding
    portal_url: str

    async def subscribe(self, session: AsyncSession, actor: Actor, application_id: str, wanted: Wanted) -> Subscription:
        """Reserve (application, API) and order the subscription; its answer comes by way of the read model."""
        application = check_active(await self.applications.owned(session, application_id, actor.user_id, lock=True))
        # Locked, so that the API cannot be unpublished between this look and the commit.
        api = await self.catalog.get_api(session, wanted.api_id, lock=True)
        plan = await self._offered(session, application, api, wanted.plan_id)
        subscription = Subscription(
            id=new_id("sub"),
            version=0,
            organization_id=application.organization_id,
            application_id=application.id,
            developer_id=actor.user_id,
            api_id=api.id,
            plan_id=plan.id,
            plan_version_number=plan.current.number,
            status=PENDING,
            paid=plan.paid,
            created_at=self.clock.now(),
        )
        holder = await self.store.reserve(session, subscription)
        if holder is not None:
            raise already_subscribed(holder)
        await self.store.save(session, subscription)
        base = f"{self.portal_url}/portal/{api.organization_identifier}/checkout"
        command = SubscriptionRequested(
            subscription_id=subscription.id,
            organization_id=application.organization_id,
            application_id=application.id,
            application_number=application.number,
            developer_id=actor.user_id,
            api_id=api.id,
            api_version=api.state_version,
            plan_id=plan.id,
            plan_version=plan.state_version,
            plan_version_number=plan.current.number,
            success_url=wanted.success_url or f"{base}/return?subscription={subscription.id}",
            cancel_url=wanted.cancel_url or f"{base}/cancel?subscription={subscription.id}",
            requested_at=subscription.created_at,
        )
        await self.publisher.publish(session, SUBSCRIPTIONS_COMMANDS, subscription.id, command)
        return subscription

    async def owned(
        self, session: AsyncSession, subscription_id: str, developer_id: str, *, lock: bool = False
    ) -> Subscription:
        """Only who created it sees it."""
        subscription = await self.store.find(session, subscription_id, lock=lock)
        if subscription is None or subscription.developer_id != developer_id:
            raise no_such_subscription(subscription_id)
        return subscription

    async def checkout(self, session: AsyncSession, subscription_id: str) -> Checkout | None:
        """Where to pay."""
        return await self.store.checkout(session, subscription_id)

    async def newest(
        self, session: AsyncSession, organization_id: str, developer_id: str, *, before: str | None, limit: int
    ) -> Sequence[Subscription]:
        """A page of a developer's, the newest first."""
        return await self.store.newest_of_developer(session, organization_id, developer_id, before=before, limit=limit)

    async def checkouts(self, session: AsyncSession, rows: Sequence[Subscription]) -> dict[str, Checkout]:
        """Of several, by subscription."""
        return await self.store.checkouts(session, [row.id for row in rows])

    async def listed(
        self,
        session: AsyncSession,
        organization_id: str,
        developer_id: str,
        *,
        application_id: str | None,
        after: str | None,
        limit: int,
    ) -> Sequence[Subscription]:
        """A page of a developer's."""
        return await self.store.of_developer(
            session, organization_id, developer_id, application_id=application_id, after=after, limit=limit
        )

    async def cancel(
        self, session: AsyncSession, actor: Actor, subscription_id: str, when: Literal["now", "period_end"]
    ) -> Subscription:
        """Its creator cancels."""
        subscription = await self.owned(session, subscription_id, actor.user_id, lock=True)
        check_cancel(subscription, when)
        await self.ending.order(session, subscription, when, "developer", actor.user_id)
        return subscription

    async def end(self, session: AsyncSession, actor: Actor, organization: str, subscription_id: str) -> Subscription:
        """Its provider ends it: another action than cancelling, by an admin, seen in `ended_by`."""
        found = await self.organizations.require_role(session, actor, organization, "admin")
        subscription = await self.store.find(session, subscription_id, lock=True)
        if subscription is None or subscription.organization_id != found.id:
            raise no_such_subscription(subscription_id)
        check_cancel(subscription, "now")
        await self.ending.order(session, subscription, "now", "provider", actor.user_id)
        return subscription

    async def resume(self, session: AsyncSession, actor: Actor, subscription_id: str) -> Subscription:
        """Take back a cancellation at period end."""
        subscription = await self.owned(session, subscription_id, actor.user_id, lock=True)
        check_resume(subscription)
        command = SubscriptionResumeRequested(
            subscription_id=subscription.id, user_id=actor.user_id, requested_at=self.clock.now()
        )
        await self.publisher.publish(session, SUBSCRIPTIONS_COMMANDS, subscription.id, command)
        return subscription

    async def _offered(self, session: AsyncSession, application: Application, api: Api, plan_id: str) -> Plan:
        """The plan, if it can be subscribed to now."""
        if api.organization_id != application.organization_id:
            raise DomainError(
                "api-not-found", 404, "No such api", "This application's portal has no such API.", field="api_id"
            )
        if api.lifecycle not in TAKES_SUBSCRIPTIONS:
            detail = f"The API is {api.lifecycle}: only a published API takes new subscriptions."
            raise DomainError("api-not-published", 409, "The API takes no subscriptions", detail, field="api_id")
        plan = next((plan for plan in await self.catalog.enabled_plans(session, api) if plan.id == plan_id), None)
        if plan is None and plan_id in api.plan_ids:
            detail = "The provider has deactivated this plan. The API's page in the portal lists the plans on offer."
            raise DomainError("plan-inactive", 409, "The plan cannot be chosen", detail, field="plan_id")
        if plan is None:
            detail = "This plan is not enabled for the API. The API's page in the portal lists the plans that are."
            raise DomainError("plan-not-enabled", 409, "The plan cannot be chosen", detail, field="plan_id")
        if plan.paid and not await self.stripe.is_connected(session, api.organization_id):
            detail = "The provider has no working Stripe account connected. Tell them; a free plan works without."
            raise DomainError("stripe-not-connected", 409, "The plan cannot be paid for now", detail, field="plan_id")
        return plan
