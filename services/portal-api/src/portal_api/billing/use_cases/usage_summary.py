"""Usage, cost so far and invoices of a developer in one portal, straight from the read models."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.applications.use_cases.applications import Applications
from portal_api.billing.domain.subscription import Subscription
from portal_api.billing.domain.summary import Estimate, estimate
from portal_api.billing.ports import InvoiceStore, SubscriptionStore, UsageStore
from portal_api.catalog.domain.api import Api
from portal_api.catalog.domain.plan import Plan
from portal_api.catalog.ports import CatalogRepository
from shared.clock import Clock
from shared.events.billing import InvoiceUpdated
from shared.events.subscriptions import SubscriptionStatus

MAX_SUBSCRIPTIONS = 1_000
_COUNTED: frozenset[SubscriptionStatus] = frozenset({"active", "trialing", "past_due"})


@dataclass(frozen=True, slots=True)
class NamedSubscription:
    """A subscription with the names that a page shows. None where the thing is gone."""

    subscription: Subscription
    api: Api | None
    plan: Plan | None
    application_name: str | None


@dataclass(frozen=True, slots=True)
class SubscriptionUsage:
    """One line of the summary."""

    named: NamedSubscription
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class UsageSummary:
    """The Usage Summary tab. `complete_until`: everything called before is in these numbers."""

    as_of: datetime
    complete_until: datetime | None
    active_subscriptions: int
    usage: tuple[SubscriptionUsage, ...]


@dataclass(frozen=True, slots=True)
class BillingReader:
    """The use cases, with what they need."""

    subscriptions: SubscriptionStore
    usage: UsageStore
    invoices: InvoiceStore
    applications: Applications
    catalog: CatalogRepository
    clock: Clock

    async def named(self, session: AsyncSession, subscriptions: Sequence[Subscription]) -> Sequence[NamedSubscription]:
        """With names, also of what was deleted since."""
        plans = await self.catalog.plans_by_id(session, sorted({s.plan_id for s in subscriptions}))
        plan_of = {plan.id: plan for plan in plans}
        apis = {i: await self.catalog.api(session, i) for i in sorted({s.api_id for s in subscriptions})}
        names: dict[str, str | None] = {}
        for application_id in sorted({s.application_id for s in subscriptions}):
            application = await self.applications.store.find(session, application_id)
            names[application_id] = application.name if application else None
        return [
            NamedSubscription(s, apis[s.api_id], plan_of.get(s.plan_id), names[s.application_id]) for s in subscriptions
        ]

    async def summary(self, session: AsyncSession, organization_id: str, developer_id: str) -> UsageSummary:
        """The present period of each subscription: live ones, and those that ended within it."""
        now = self.clock.now()
        # Before the totals: what a later statement sees may be newer, so that the totals hold at least what this says.
        complete_until = await self.usage.complete_until(session)
        rows = await self.subscriptions.of_developer(session, organization_id, developer_id, limit=MAX_SUBSCRIPTIONS)
        shown = [row for row in rows if _has_present_period(row, now)]
        totals = await self.usage.totals(session, [row.id for row in shown])
        lines = []
        for named in await self.named(session, shown):
            row = named.subscription
            mine = [t for t in totals if t.subscription_id == row.id and t.period_start == row.current_period_start]
            versions = named.plan.versions if named.plan else ()
            lines.append(SubscriptionUsage(named, estimate(versions, row.plan_version_number, mine)))
        return UsageSummary(
            as_of=now,
            complete_until=complete_until,
            active_subscriptions=sum(1 for row in rows if row.status in _COUNTED),
            usage=tuple(lines),
        )

    async def invoices_of(
        self, session: AsyncSession, organization_id: str, developer_id: str, *, after: str | None, limit: int
    ) -> Sequence[InvoiceUpdated]:
        """Newest first."""
        return await self.invoices.of_developer(session, organization_id, developer_id, after=after, limit=limit)


def _has_present_period(row: Subscription, now: datetime) -> bool:
    if row.current_period_start is None or row.current_period_end is None:
        return False
    return not row.is_ended or now < row.current_period_end
