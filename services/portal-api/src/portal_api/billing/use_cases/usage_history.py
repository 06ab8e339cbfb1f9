"""Usage by day, by API and by subscription, from the daily sums of the read model."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.domain.subscription import Subscription
from portal_api.billing.domain.usage_history import Tally, by_day, check_range, tallies
from portal_api.billing.use_cases.usage_summary import (
    MAX_SUBSCRIPTIONS,
    BillingReader,
    NamedSubscription,
    UsageSummary,
)

SHORTEST = timedelta(days=13)


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One subscription on one day."""

    day: date
    named: NamedSubscription
    tally: Tally


@dataclass(frozen=True, slots=True)
class UsageHistory:
    """Days are UTC days, as billing counts them. Subscriptions without a call in the range are left out."""

    since: date
    until: date
    as_of: datetime
    days: tuple[tuple[date, Tally], ...]
    subscriptions: tuple[tuple[NamedSubscription, Tally], ...]
    rows: tuple[UsageRow, ...]

    @property
    def by_api(self) -> list[tuple[str, str, Tally]]:
        """(API id, name, tally); the most called first."""
        names: dict[str, str] = {}
        sums: dict[str, Tally] = {}
        for named, tally in self.subscriptions:
            api_id = named.subscription.api_id
            names[api_id] = named.api.display_name if named.api else api_id
            sums.setdefault(api_id, Tally()).add(tally)
        ordered = sorted(sums, key=lambda api_id: (-sums[api_id].calls, names[api_id]))
        return [(api_id, names[api_id], sums[api_id]) for api_id in ordered]


@dataclass(frozen=True, slots=True)
class UsageHistories:
    """The use case, with what it needs."""

    reader: BillingReader

    async def read(
        self,
        session: AsyncSession,
        organization_id: str,
        developer_id: str,
        *,
        since: date | None = None,
        until: date | None = None,
        known: UsageSummary | None = None,
    ) -> UsageHistory:
        """From the start of the oldest present period, at least two weeks, to today, unless stated.

        `known`: the developer's summary, where it was just read; then nothing of it is read twice.
        """
        reader = self.reader
        now = known.as_of if known else reader.clock.now()
        rows: Sequence[Subscription] = known.subscriptions if known else ()
        if known is None:
            rows = await reader.subscriptions.of_developer(
                session, organization_id, developer_id, limit=MAX_SUBSCRIPTIONS
            )
        until = until or now.astimezone(UTC).date()
        starts = [row.current_period_start for row in rows if row.current_period_start and not row.is_ended]
        since = since or min(min(starts, default=now).astimezone(UTC).date(), until - SHORTEST)
        check_range(since, until)
        ids = [row.id for row in rows]
        days = await reader.usage.days(session, ids, since, until)
        before = await reader.usage.units_before(session, ids, since)
        used = {total.subscription_id for total in days}
        name_of = {one.named.subscription.id: one.named for one in known.usage} if known else {}
        missing = [row for row in rows if row.id in used and row.id not in name_of]
        if missing:
            name_of |= {one.subscription.id: one for one in await reader.named(session, missing)}
        named = [name_of[row.id] for row in rows if row.id in used]
        versions = {v.number: v for one in named if one.plan for v in one.plan.versions}
        found = tallies(days, before, versions)
        sums = {one.subscription.id: Tally() for one in named}
        for (_, key), tally in found.items():
            sums[key].add(tally)
        return UsageHistory(
            since=since,
            until=until,
            as_of=now,
            days=tuple(by_day(found, since, until)),
            subscriptions=tuple((one, sums[one.subscription.id]) for one in named),
            rows=tuple(UsageRow(day, name_of[key], tally) for (day, key), tally in sorted(found.items())),
        )
