"""What a provider looks at: subscribers, how many there are, calls and errors over time, and what they will bring."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.domain.provider_view import (
    Bucket,
    PlanFigures,
    StripeNews,
    SubscriberRow,
    buckets,
    monthly_fee,
)
from portal_api.billing.domain.usage import behind_since
from portal_api.billing.ports import ProviderView, UsageStore
from portal_api.catalog.domain.api import Api
from portal_api.catalog.domain.plan import Plan
from portal_api.catalog.ports import CatalogRepository
from portal_api.catalog.use_cases.reading import CatalogReader
from portal_api.identity.domain.access import Actor
from portal_api.organizations.use_cases import Organizations
from shared.clock import Clock
from shared.errors import DomainError
from shared.rating import rate_usage

# Spans of time that a chart shows, each with the width of its bars.
SPANS: Mapping[str, tuple[timedelta, timedelta]] = {
    "1h": (timedelta(hours=1), timedelta(minutes=1)),
    "24h": (timedelta(hours=24), timedelta(minutes=30)),
    "7d": (timedelta(days=7), timedelta(hours=6)),
    "30d": (timedelta(days=30), timedelta(days=1)),
}
MAX_PLANS = 1_000


@dataclass(frozen=True, slots=True)
class NamedSubscriber:
    """With the names that a page shows. None where the thing is gone."""

    row: SubscriberRow
    api: Api | None
    plan: Plan | None


@dataclass(frozen=True, slots=True)
class LiveCounts:
    """Subscriptions that have not ended."""

    by_plan: Mapping[str, int]
    by_api: Mapping[str, int]
    total: int


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls over time. `complete_until`: everything called before is in."""

    as_of: datetime
    complete_until: datetime | None
    step: timedelta
    buckets: tuple[Bucket, ...]

    @property
    def behind_since(self) -> datetime | None:
        """Since when calls are missing; None while the figures are fresh."""
        return behind_since(self.as_of, self.complete_until)

    @property
    def total(self) -> int:
        """All calls of the span."""
        return sum(one.calls for one in self.buckets)

    @property
    def errors(self) -> int:
        """Those that failed, by whose fault ever."""
        return sum(one.client_errors + one.server_errors for one in self.buckets)

    @property
    def error_share(self) -> float:
        """0 to 1; 0 of nothing."""
        return self.errors / self.total if self.total else 0.0

    def per_minute(self, errors: bool = False) -> float:
        """Of the last full stretches that make at least five minutes: how many calls (or errors) a minute."""
        count = max(int(timedelta(minutes=5) / self.step), 1)
        recent = self.buckets[-1 - count : -1]
        found = sum(one.client_errors + one.server_errors if errors else one.calls for one in recent)
        minutes = len(recent) * self.step.total_seconds() / 60
        return found / minutes if minutes else 0.0


@dataclass(frozen=True, slots=True)
class Today:
    """The home page's figures. `usage_minor`: metered usage of the running periods, by currency."""

    calls: Calls
    subscriptions: int
    usage_minor: Mapping[str, int]
    had_billed_call: bool
    had_paid_call: bool


@dataclass(frozen=True, slots=True)
class ProviderBilling:
    """The use cases, with what they need."""

    view: ProviderView
    usage: UsageStore
    organizations: Organizations
    catalog: CatalogReader
    repository: CatalogRepository
    clock: Clock

    async def subscribers(
        self,
        session: AsyncSession,
        actor: Actor,
        organization: str,
        *,
        api_id: str | None = None,
        status: str | None = None,
        search: str = "",
        after: str | None = None,
        limit: int,
    ) -> Sequence[NamedSubscriber]:
        """Of an organization, newest first."""
        found = await self.organizations.require_role(session, actor, organization, "viewer")
        rows = await self.view.subscribers(
            session, found.id, api_id=api_id, status=status, search=search, after=after, limit=limit
        )
        plan_ids = sorted({row.subscription.plan_id for row in rows})
        plans = {plan.id: plan for plan in await self.repository.plans_by_id(session, plan_ids)}
        api_ids = sorted({row.subscription.api_id for row in rows})
        apis = {api.id: api for api in await self.repository.apis_by_id(session, api_ids)}
        return [
            NamedSubscriber(row, apis.get(row.subscription.api_id), plans.get(row.subscription.plan_id)) for row in rows
        ]

    async def live_counts(self, session: AsyncSession, actor: Actor, organization: str) -> LiveCounts:
        """How many subscribe to what."""
        found = await self.organizations.require_role(session, actor, organization, "viewer")
        by_plan: defaultdict[str, int] = defaultdict(int)
        by_api: defaultdict[str, int] = defaultdict(int)
        total = 0
        for api_id, plan_id, count in await self.view.live_counts(session, found.id):
            by_plan[plan_id] += count
            by_api[api_id] += count
            total += count
        return LiveCounts(dict(by_plan), dict(by_api), total)

    async def plan_figures(
        self, session: AsyncSession, actor: Actor, organization: str, plans: Sequence[Plan]
    ) -> Mapping[str, PlanFigures]:
        """What each of these plans brings."""
        found = await self.organizations.require_role(session, actor, organization, "viewer")
        version_of = {version.number: version for plan in plans for version in plan.versions}
        plan_of = {version.number: plan.id for plan in plans for version in plan.versions}
        figures = {plan.id: PlanFigures() for plan in plans}
        for plan_id, number, billed, live in await self.view.running(session, found.id):
            version, known = version_of.get(number), figures.get(plan_id)
            if version is not None and known is not None:
                figures[plan_id] = replace(
                    known,
                    subscriptions=known.subscriptions + live,
                    monthly_fee=known.monthly_fee + monthly_fee(version) * billed,
                )
        for number, units, count in await self.view.present_units(session, found.id, self.clock.now()):
            if number in version_of:
                known = figures[plan_of[number]]
                amount = rate_usage(version_of[number], units).total_minor * count
                figures[plan_of[number]] = replace(known, usage_minor=known.usage_minor + amount)
        return figures

    async def stripe_news(self, session: AsyncSession, actor: Actor, organization: str) -> StripeNews | None:
        """When its Stripe account was heard of last."""
        found = await self.organizations.require_role(session, actor, organization, "viewer")
        return await self.view.stripe_news(session, found.id)

    async def live_count(
        self,
        session: AsyncSession,
        actor: Actor,
        organization: str,
        *,
        api_id: str | None = None,
        plan_id: str | None = None,
    ) -> int:
        """How many subscribe to one of its APIs, or plans."""
        found = await self.organizations.require_role(session, actor, organization, "viewer")
        return await self.view.live_count(session, found.id, api_id=api_id, plan_id=plan_id)

    async def calls(
        self, session: AsyncSession, actor: Actor, organization: str, *, api_id: str | None, span: str
    ) -> Calls:
        """Calls and errors of one API, or of all."""
        found = await self.organizations.require_role(session, actor, organization, "viewer")
        if api_id is not None:
            await self.catalog.require_api(session, actor, api_id, role="viewer")
        if span not in SPANS:
            detail = f"Choose one of {', '.join(SPANS)}."
            raise DomainError("invalid-request", 422, "There is no such span", detail, "span")
        return await self._calls(session, found.id, api_id, *SPANS[span])

    async def today(self, session: AsyncSession, actor: Actor, organization: str) -> Today:
        """For the home page."""
        found = await self.organizations.require_role(session, actor, organization, "viewer")
        now = self.clock.now()
        calls = await self._calls(session, found.id, None, *SPANS["24h"])
        counts = await self.view.live_counts(session, found.id)
        had_billed_call, had_paid_call = await self.view.had_billed_call(session, found.id)
        return Today(
            calls=calls,
            subscriptions=sum(count for _, _, count in counts),
            usage_minor=await self._usage(session, found.id, now),
            had_billed_call=had_billed_call,
            had_paid_call=had_paid_call,
        )

    async def _calls(
        self, session: AsyncSession, organization_id: str, api_id: str | None, span: timedelta, step: timedelta
    ) -> Calls:
        now = self.clock.now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        # The last bar is the running one; bars begin at full steps since midnight UTC.
        until = midnight + step * ((now - midnight) // step + 1)
        since = until - span
        # Before the counts, so that these hold at least what this says.
        complete_until = await self.usage.complete_until(session)
        counts = await self.view.calls(session, organization_id, api_id=api_id, since=since, until=until, step=step)
        return Calls(now, complete_until, step, tuple(buckets(counts, since, until, step)))

    async def _usage(self, session: AsyncSession, organization_id: str, now: datetime) -> Mapping[str, int]:
        plans = await self.repository.plans(session, organization_id, limit=MAX_PLANS, after=None)
        versions = {version.number: version for plan in plans for version in plan.versions}
        sums: defaultdict[str, int] = defaultdict(int)
        for number, units, count in await self.view.present_units(session, organization_id, now):
            version = versions.get(number)
            if version is not None:
                sums[version.currency] += rate_usage(version, units).total_minor * count
        return dict(sums)
