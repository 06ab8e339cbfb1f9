"""Callers are told their usage where their plan says so: the figures of the Usage Summary, at most once a second.

The gateway puts them into headers. They are told with a version that only grows, and only when they changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.domain.telling import Telling
from portal_api.billing.ports import Publisher, TellingStore
from portal_api.billing.use_cases.usage_summary import BillingReader, SubscriptionUsage
from shared.events.topics import USAGE_TOTALS
from shared.events.usage import UsageTotals

TOLD_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class UsageTelling:
    """The use cases, with what they need."""

    store: TellingStore
    reader: BillingReader
    publisher: Publisher

    async def note(self, session: AsyncSession, numbers: Mapping[str, int]) -> None:
        """Something changed about these subscriptions (id to number): usage, period, plan or status."""
        if numbers:
            await self.store.note(session, numbers)

    async def tell_due(self, session: AsyncSession, limit: int = TOLD_AT_ONCE) -> int:
        """Tell what is due; how many were looked at."""
        due = await self.store.due(session, limit)
        usage = await self.reader.present(session, [one.subscription_id for one in due])
        for one in due:
            told = _totals(one, usage.get(one.subscription_id))
            fields = msgspec.to_builtins(told)
            version = fields.pop("version")
            if fields == one.told:
                version = one.version  # nothing new
            else:
                await self.publisher.publish(session, USAGE_TOTALS, one.subscription_id, told)
            await self.store.save(session, replace(one, version=version, told=fields))
        return len(due)

    async def republish(self, session: AsyncSession, *, after: str, limit: int) -> list[str]:
        """All of them anew, with further versions."""
        return await self.store.again(session, after=after, limit=limit)


def _totals(one: Telling, usage: SubscriptionUsage | None) -> UsageTotals:
    told = UsageTotals(
        version=one.version + 1, subscription_id=one.subscription_id, subscription_number=one.number, shown=False
    )
    if usage is None or usage.named.plan is None:
        return told
    row = usage.named.subscription
    number = row.plan_version_number
    version = next((version for version in usage.named.plan.versions if version.number == number), None)
    if version is None or not version.usage_headers or row.is_ended:
        return told
    return msgspec.structs.replace(
        told,
        shown=True,
        units=usage.estimate.units,
        amount_minor=usage.estimate.amount_minor,
        currency=usage.estimate.currency,
        quota_units=version.quota_units,
        period_end=row.current_period_end,
    )
