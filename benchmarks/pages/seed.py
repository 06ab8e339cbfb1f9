"""A read model of the size of a busy provider's: subscriptions, calls of a month, invoices; written straight to SQL.

Of the subscriptions a thousandth belongs to the developer whose pages are measured. Calls lie in windows of a minute as
metering publishes them; sums per day and per period are made of the windows as the portal makes them.
"""

import asyncio
from dataclasses import dataclass

import asyncpg

_APPLICATIONS = """
insert into applications (id, number, organization_id, developer_id, name, description, access_token_lifetime_seconds,
                          status, created_at)
select 'app_bench' || lpad(n::text, 18, '0'), 500000000 + n, $1, case when n <= $4 then $2 else 'user_bench' || n end,
       'Application ' || n, '', 3600, 'active', now()
from generate_series(1, $3::int) n
"""
_SUBSCRIPTIONS = """
insert into subscriptions (id, version, organization_id, application_id, developer_id, api_id, plan_id,
                           plan_version_number, status, paid, created_at, current_period_start, current_period_end,
                           cancel_at_period_end)
select 'sub_bench' || lpad(n::text, 18, '0'), 1, $1, 'app_bench' || lpad(n::text, 18, '0'),
       case when n <= $4 then $2 else 'user_bench' || n end, $5, $6, $7, 'active', true, now() - interval '29 days',
       date_trunc('day', now() - interval '28 days'), date_trunc('day', now() + interval '2 days'), false
from generate_series(1, $3::int) n
"""
# Each subscription has its own minutes, so that together they lie all over the month.
_WINDOWS = """
insert into usage_windows
select id, current_period_start, plan_version_number, $3, 1,
       date_trunc('minute', current_period_start + m * (interval '28 days' / $2)
                            + abs(hashtext(id)) % 2000 * interval '1 minute'), 'production', m % 20 <> 0,
       case when m % 20 = 0 then 5 else 2 end, $1, $1, 1
from subscriptions, generate_series(0, $2::int - 1) m where id like 'sub_bench%'
"""
_DAYS = """
insert into usage_days
select subscription_id, period_start, plan_version_number, (window_start at time zone 'utc')::date, environment,
       billable, sum(calls), sum(units)
from usage_windows where subscription_id like 'sub_bench%' group by 1, 2, 3, 4, 5, 6
"""
_TOTALS = """
insert into usage_totals
select subscription_id, period_start, plan_version_number, environment, billable, sum(calls), sum(units),
       max(window_start)
from usage_windows where subscription_id like 'sub_bench%' group by 1, 2, 3, 4, 5
"""
_BY_API = """
insert into api_{grain}s
select api_number, environment, date_trunc('{grain}', window_start, 'UTC'), status_class, sum(calls)
from usage_windows where subscription_id like 'sub_bench%' group by 1, 2, 3, 4
on conflict (api_number, environment, at, status_class) do nothing
"""
_USERS = """
insert into users (id, email, name, locale, created_at)
select 'user_bench' || n, 'dev' || n || '@example.com', 'Developer ' || n, 'en', now()
from generate_series(1, $1::int) n
"""
_INVOICES = """
insert into invoices (id, observed, organization_id, developer_id, subscription_id, status, currency, total_minor,
                      amount_due_minor, amount_paid_minor, created_at, period_start, period_end, lines, number)
select 'in_bench' || n, 1, $1, case when n % 100 = 0 then $2 else 'user_bench' || n end, null, 'paid', 'usd', 200, 200,
       200, now() - n * interval '1 hour', now() - interval '30 days', now(),
       '[{"description": "100 x Reading List API", "quantity": 100, "amount_minor": 200,
          "period_start": "2026-01-01T00:00:00Z", "period_end": "2026-02-01T00:00:00Z"}]'::jsonb, 'BENCH-' || n
from generate_series(1, $3::int) n
"""
_TABLES = (
    "applications", "subscriptions", "usage_windows", "usage_days", "usage_totals", "api_minutes", "api_hours",
    "invoices",
)  # fmt: skip


@dataclass(frozen=True)
class Size:
    """`calls` in all; each window of `per_window` calls."""

    subscriptions: int = 10_000
    calls: int = 1_000_000
    mine: int = 20
    windows: int = 20

    @property
    def per_window(self) -> int:
        """Calls."""
        return max(self.calls // (self.subscriptions * self.windows), 1)


@dataclass(frozen=True)
class Whose:
    """Ids that exist."""

    organization: str
    developer: str
    api: str
    plan: str
    plan_version: int


def fill(database_url: str, whose: Whose, size: Size) -> dict[str, int]:
    """Write it all; rows per table."""
    return asyncio.run(_fill(database_url.replace("postgresql+asyncpg", "postgresql"), whose, size))


async def _fill(url: str, whose: Whose, size: Size) -> dict[str, int]:
    connection = await asyncpg.connect(url)
    try:
        owner = (whose.organization, whose.developer, size.subscriptions, size.mine)
        await connection.execute(_USERS, size.subscriptions)
        await connection.execute(_APPLICATIONS, *owner)
        await connection.execute(_SUBSCRIPTIONS, *owner, whose.api, whose.plan, whose.plan_version)
        api = await connection.fetchval("select number from apis where id = $1", whose.api)
        await connection.execute(_WINDOWS, size.per_window, size.windows, api, timeout=600)
        await connection.execute(_DAYS, timeout=600)
        for grain in ("minute", "hour"):
            await connection.execute(_BY_API.format(grain=grain), timeout=600)
        await connection.execute(_TOTALS, timeout=600)
        await connection.execute(_INVOICES, whose.organization, whose.developer, size.subscriptions)
        await connection.execute("analyze")
        return {table: await connection.fetchval(f"select count(*) from {table}") for table in _TABLES}
    finally:
        await connection.close()
