"""The provider's read models in PostgreSQL: subscribers with names and money, and calls by API over time.

Users and applications are other features' rows, so the joins are written out instead of importing their tables.
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.domain.provider_view import CallCount, Customer, SubscriberRow
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
_CALLS = text(
    """
    select date_bin(:step, w.window_start, :since) as at, w.status_class, sum(w.calls) as calls
    from usage_windows w join apis a on a.number = w.api_number
    where a.organization_id = :organization and (cast(:api as text) is null or a.id = :api)
      and w.window_start >= :since and w.window_start < :until and w.environment = 'production'
    group by 1, 2
    """
)
_ANY_BILLED = text(
    "select exists (select 1 from usage_totals t join subscriptions s on s.id = t.subscription_id"
    " where s.organization_id = :organization and t.billable and t.environment = 'production' and t.calls > 0"
    " and (s.paid or not :paid))"
)
_SPENT = text(
    """
    select s.id, t.plan_version_number, sum(t.units)
    from subscriptions s join usage_totals t
      on t.subscription_id = s.id and t.period_start = s.current_period_start
    where s.organization_id = :organization and t.billable and t.environment = 'production'
      and s.current_period_end > :now
    group by 1, 2
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
        return [CallCount(at, int(kind), int(calls)) for at, kind, calls in await connection.execute(_CALLS, values)]

    async def has_billed_call(self, session: AsyncSession, organization_id: str, *, paid: bool) -> bool:
        """Whether anybody ever made one; `paid`: under a plan that costs money."""
        connection = await session.connection()
        values = {"organization": organization_id, "paid": paid}
        return bool((await connection.execute(_ANY_BILLED, values)).scalar_one())

    async def present_units(
        self, session: AsyncSession, organization_id: str, now: datetime
    ) -> Sequence[tuple[str, int, int]]:
        """(subscription, plan version, billed units) of running periods."""
        connection = await session.connection()
        rows = await connection.execute(_SPENT, {"organization": organization_id, "now": now})
        return [(str(one), int(version), int(units)) for one, version, units in rows]
