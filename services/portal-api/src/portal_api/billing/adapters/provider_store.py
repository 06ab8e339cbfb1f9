"""The provider's read models in PostgreSQL: subscribers with names and money, and calls by API over time.

Users and applications are other features' rows, so the joins are written out instead of importing their tables.
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.domain.provider_view import CallCount, Customer, StripeNews, SubscriberRow
from portal_api.billing.domain.subscription import ENDED, Subscription

_SUBSCRIBERS = text(
    """
    select s.*, u.name as developer_name, u.email as developer_email, a.name as application_name,
           c.status as checkout_status, i.status as invoice_status, coalesce(t.units, 0) as units
    from subscriptions s
    left join users u on u.id = s.developer_id
    left join applications a on a.id = s.application_id
    left join checkouts c on c.subscription_id = s.id
    left join lateral (
        select status from invoices where organization_id = s.organization_id and developer_id = s.developer_id
        and subscription_id = s.id order by created_at desc, id desc limit 1
    ) i on true
    left join lateral (
        select sum(units) as units from usage_totals where subscription_id = s.id
        and period_start = s.current_period_start and billable and environment = 'production'
    ) t on true
    where s.organization_id = :organization and (cast(:after as text) is null or s.id < :after)
      and (cast(:api as text) is null or s.api_id = :api) and (cast(:status as text) is null or s.status = :status)
      and (cast(:word as text) is null or u.email ilike :word or u.name ilike :word or a.name ilike :word
           or s.id = :exact)
    order by s.id desc limit :limit
    """
)
_COUNTS = text(
    "select api_id, plan_id, count(*) from subscriptions where organization_id = :organization"
    " and status <> all(:ended) group by 1, 2"
)
_COUNT_OF_API = text(
    "select count(*) from subscriptions where api_id = :api and status <> all(:ended)"
    " and organization_id = :organization"
)
_COUNT_OF_PLAN = text(
    "select count(*) from subscriptions where plan_id = :plan and status <> all(:ended)"
    " and organization_id = :organization"
)
_RUNNING = text(
    "select plan_id, plan_version_number, count(*) filter (where status = any(:billed)), count(*) from subscriptions"
    " where organization_id = :organization and status <> all(:ended) group by 1, 2"
)
_NEWS = text("select kind, at from stripe_news where organization_id = :organization")
_SAVE_NEWS = text(
    "insert into stripe_news values (:organization, :kind, :at) on conflict (organization_id)"
    " do update set kind = excluded.kind, at = excluded.at where stripe_news.at <= excluded.at"
)
# From the sums by minute for narrow bars, by hour for wide ones: a month is 720 rows of an API, not all its windows.
_CALLS = """
    select date_bin(:step, c.at, :since) as at, c.status_class, sum(c.calls) as calls
    from {table} c join apis a on a.number = c.api_number
    where a.organization_id = :organization and (cast(:api as text) is null or a.id = :api)
      and c.at >= :since and c.at < :until and c.environment = 'production'
    group by 1, 2
    """
_CALLS_BY_MINUTE = text(_CALLS.format(table="api_minutes"))
_CALLS_BY_HOUR = text(_CALLS.format(table="api_hours"))
_HOUR = timedelta(hours=1)
_HAS_BILLED = """
    exists (select 1 from subscriptions s join usage_totals t on t.subscription_id = s.id
            where s.organization_id = :organization and {which} and t.billable and t.environment = 'production'
            and t.calls > 0)
    """
_BILLED = text(f"select {_HAS_BILLED.format(which='true')} as any, {_HAS_BILLED.format(which='s.paid')} as paid")
_SPENT = text(
    """
    select plan_version_number, units, count(*) from (
        select t.plan_version_number, t.units
        from subscriptions s join usage_totals t
          on t.subscription_id = s.id and t.period_start = s.current_period_start
        where s.organization_id = :organization and t.billable and t.environment = 'production'
          and s.current_period_end > :now and s.status <> all(:ended)
    ) spent group by 1, 2
    """
)
_FIELDS = tuple(field.name for field in fields(Subscription))


class PostgresProviderView:
    """Port ProviderView."""

    async def subscribers(
        self,
        session: AsyncSession,
        organization_id: str,
        *,
        api_id: str | None,
        status: str | None,
        search: str,
        after: str | None,
        limit: int,
    ) -> Sequence[SubscriberRow]:
        """Newest first."""
        connection = await session.connection()
        escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        values = {
            "organization": organization_id,
            "api": api_id,
            "status": status,
            "word": f"%{escaped}%" if search else None,
            "exact": search,
            "after": after,
            "limit": limit,
        }
        rows = await connection.execute(_SUBSCRIBERS, values)
        return [
            SubscriberRow(
                subscription=Subscription(**{name: row[name] for name in _FIELDS}),
                customer=Customer(
                    developer_id=row["developer_id"], name=row["developer_name"], email=row["developer_email"]
                ),
                application_name=row["application_name"],
                checkout_status=row["checkout_status"],
                invoice_status=row["invoice_status"],
                units=int(row["units"]),
            )
            for row in rows.mappings()
        ]

    async def live_counts(self, session: AsyncSession, organization_id: str) -> Sequence[tuple[str, str, int]]:
        """(API, plan, subscriptions that have not ended)."""
        connection = await session.connection()
        rows = await connection.execute(_COUNTS, {"organization": organization_id, "ended": list(ENDED)})
        return [(str(api), str(plan), int(count)) for api, plan, count in rows]

    async def live_count(
        self, session: AsyncSession, organization_id: str, *, api_id: str | None, plan_id: str | None
    ) -> int:
        """Of one API or plan."""
        connection = await session.connection()
        values = {"organization": organization_id, "ended": list(ENDED)}
        if api_id is not None:
            return int((await connection.execute(_COUNT_OF_API, {**values, "api": api_id})).scalar_one())
        return int((await connection.execute(_COUNT_OF_PLAN, {**values, "plan": plan_id})).scalar_one())

    async def calls(
        self,
        session: AsyncSession,
        organization_id: str,
        *,
        api_id: str | None,
        since: datetime,
        until: datetime,
        step: timedelta,
    ) -> list[CallCount]:
        """In stretches of `step` from `since` on."""
        connection = await session.connection()
        values = {"organization": organization_id, "api": api_id, "since": since, "until": until, "step": step}
        statement = _CALLS_BY_MINUTE if step < _HOUR else _CALLS_BY_HOUR
        return [CallCount(at, int(kind), int(calls)) for at, kind, calls in await connection.execute(statement, values)]

    async def running(self, session: AsyncSession, organization_id: str) -> Sequence[tuple[str, int, int, int]]:
        """By plan and version."""
        connection = await session.connection()
        values = {"organization": organization_id, "billed": ["active", "past_due"], "ended": list(ENDED)}
        rows = await connection.execute(_RUNNING, values)
        return [(str(plan), int(version), int(billed), int(live)) for plan, version, billed, live in rows]

    async def stripe_news(self, session: AsyncSession, organization_id: str) -> StripeNews | None:
        """What was heard last."""
        connection = await session.connection()
        row = (await connection.execute(_NEWS, {"organization": organization_id})).first()
        return StripeNews(row[0], row[1]) if row else None

    async def save_stripe_news(self, session: AsyncSession, organization_id: str, news: StripeNews) -> None:
        """Unless something later is known."""
        connection = await session.connection()
        await connection.execute(_SAVE_NEWS, {"organization": organization_id, "kind": news.kind, "at": news.at})

    async def had_billed_call(self, session: AsyncSession, organization_id: str) -> tuple[bool, bool]:
        """(whether anybody ever made one, whether one under a plan that costs money)."""
        connection = await session.connection()
        row = (await connection.execute(_BILLED, {"organization": organization_id})).one()
        return bool(row[0]), bool(row[1])

    async def present_units(
        self, session: AsyncSession, organization_id: str, now: datetime
    ) -> Sequence[tuple[int, int, int]]:
        """(plan version, billed units, subscriptions that have just so many) of running periods."""
        connection = await session.connection()
        rows = await connection.execute(_SPENT, {"organization": organization_id, "now": now, "ended": list(ENDED)})
        return [(int(version), int(units), int(count)) for version, units, count in rows]
