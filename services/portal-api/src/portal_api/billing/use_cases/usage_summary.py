"""Usage, cost so far and invoices of a developer in one portal, straight from the read models."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.applications.use_cases.applications import Applications
from portal_api.billing.domain.subscription import Subscription
from portal_api.billing.domain.summary import Estimate, Forecast, estimate, forecast
from portal_api.billing.domain.usage import PeriodTotal
from portal_api.billing.ports import InvoiceStore, SubscriptionStore, UsageStore
from portal_api.catalog.domain.api import Api
from portal_api.catalog.domain.plan import Plan
from portal_api.catalog.ports import CatalogRepository
from shared.clock import Clock
from shared.errors import DomainError
from shared.events.billing import InvoiceUpdated
from shared.events.subscriptions import SubscriptionStatus

MAX_SUBSCRIPTIONS = 1_000
MAX_OVERDUE_SHOWN = 5
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
    forecast: Forecast | None
    last_call_at: datetime | None


@dataclass(frozen=True, slots=True)
class Counted:
    """Production calls so far."""

    calls: int
    calls_not_billed: int
    last_call_at: datetime | None


@dataclass(frozen=True, slots=True)
class UsageSummary:
    """The Usage Summary tab. `complete_until`: everything called before is in these numbers.

    `subscriptions` are all of the developer's, those without a present period too.
    """

    as_of: datetime
    complete_until: datetime | None
    active_subscriptions: int
    usage: tuple[SubscriptionUsage, ...]
    subscriptions: tuple[Subscription, ...] = ()


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
        apis = await self.catalog.apis_by_id(session, sorted({s.api_id for s in subscriptions}))
        names = await self.applications.names(session, sorted({s.application_id for s in subscriptions}))
        plan_of, api_of = {plan.id: plan for plan in plans}, {api.id: api for api in apis}
        return [
            NamedSubscription(s, api_of.get(s.api_id), plan_of.get(s.plan_id), names.get(s.application_id))
            for s in subscriptions
        ]

    async def summary(self, session: AsyncSession, organization_id: str, developer_id: str) -> UsageSummary:
        """The present period of each subscription: live ones, and those that ended within it."""
        now = self.clock.now()
        # Before the totals: what a later statement sees may be newer, so that the totals hold at least what this says.
        complete_until = await self.usage.complete_until(session)
        rows = await self.subscriptions.of_developer(session, organization_id, developer_id, limit=MAX_SUBSCRIPTIONS)
        shown = [row for row in rows if _has_present_period(row, now)]
        totals = await self.usage.totals(session, [row.id for row in shown])
        of: dict[str, list[PeriodTotal]] = {}
        for total in totals:
            of.setdefault(total.subscription_id, []).append(total)
        lines = [_usage(one, of.get(one.subscription.id, ()), now) for one in await self.named(session, shown)]
        return UsageSummary(
            as_of=now,
            complete_until=complete_until,
            active_subscriptions=sum(1 for row in rows if row.status in _COUNTED),
            usage=tuple(lines),
            subscriptions=tuple(rows),
        )

    async def usage_of(self, session: AsyncSession, named: NamedSubscription) -> SubscriptionUsage | None:
        """One subscription's present period; None before there is one."""
        now = self.clock.now()
        if not _has_present_period(named.subscription, now):
            return None
        return _usage(named, await self.usage.totals(session, [named.subscription.id]), now)

    async def present(self, session: AsyncSession, subscription_ids: Sequence[str]) -> dict[str, SubscriptionUsage]:
        """The present period of each that has one, by id."""
        now = self.clock.now()
        found = [await self.subscriptions.find(session, one) for one in subscription_ids]
        shown = [row for row in found if row is not None and _has_present_period(row, now)]
        totals = await self.usage.totals(session, [row.id for row in shown])
        return {
            one.subscription.id: _usage(one, [t for t in totals if t.subscription_id == one.subscription.id], now)
            for one in await self.named(session, shown)
        }

    async def counted(self, session: AsyncSession, subscription_id: str) -> Counted:
        """Production calls of all periods: whether a first one has been seen."""
        totals = await self.usage.totals(session, [subscription_id])
        mine = [total for total in totals if total.environment == "production"]
        return Counted(
            calls=sum(total.calls for total in mine if total.billable),
            calls_not_billed=sum(total.calls for total in mine if not total.billable),
            last_call_at=_last_call(mine),
        )

    async def overdue(self, session: AsyncSession, organization_id: str, developer_id: str) -> Sequence[Subscription]:
        """Those whose payment failed."""
        return await self.subscriptions.overdue_of_developer(
            session, organization_id, developer_id, limit=MAX_OVERDUE_SHOWN
        )

    async def invoices_of(
        self, session: AsyncSession, organization_id: str, developer_id: str, *, after: str | None, limit: int
    ) -> Sequence[InvoiceUpdated]:
        """Newest first."""
        return await self.invoices.of_developer(session, organization_id, developer_id, after=after, limit=limit)

    async def invoice(
        self, session: AsyncSession, organization_id: str, developer_id: str, invoice_id: str
    ) -> InvoiceUpdated:
        """One of theirs; anybody else's does not exist for them."""
        invoice = await self.invoices.find(session, invoice_id)
        if invoice is None or (invoice.organization_id, invoice.developer_id) != (organization_id, developer_id):
            detail = f"There is no invoice {invoice_id[:64]!r} of yours in this portal. List yours to find its id."
            raise DomainError("invoice-not-found", 404, "No such invoice", detail)
        return invoice


def _usage(named: NamedSubscription, totals: Sequence[PeriodTotal], now: datetime) -> SubscriptionUsage:
    row = named.subscription
    mine = [total for total in totals if total.period_start == row.current_period_start]
    found = estimate(named.plan.versions if named.plan else (), row.plan_version_number, mine)
    return SubscriptionUsage(named, found, _forecast(row, found, now), _last_call(mine))


def _forecast(row: Subscription, found: Estimate, now: datetime) -> Forecast | None:
    if row.is_ended or row.current_period_start is None or row.current_period_end is None:
        return None
    return forecast(found, row.plan_version_number, row.current_period_start, row.current_period_end, now)


def _last_call(totals: Sequence[PeriodTotal]) -> datetime | None:
    return max((total.last_call_at for total in totals if total.last_call_at), default=None)


def _has_present_period(row: Subscription, now: datetime) -> bool:
    if row.current_period_start is None or row.current_period_end is None:
        return False
    return not row.is_ended or now < row.current_period_end
