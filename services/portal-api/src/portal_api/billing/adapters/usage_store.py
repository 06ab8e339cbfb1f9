"""Usage windows and invoices in PostgreSQL."""

from collections.abc import Sequence
from datetime import date, datetime

import msgspec
from sqlalchemy import select, text
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.adapters.tables import InvoiceRow
from portal_api.billing.domain.usage import DayTotal, PeriodTotal
from shared.events.billing import InvoiceUpdated, MeterEventRefused, UsageReported
from shared.events.usage import UsageWindow

# One statement sees one snapshot: `known` has the windows as they were, `newer` what each newer revision changes.
# Rows of an API are moved by the writers of all its subscriptions: each takes them in the same order.
_APPLY = text(
    """
    with given as (
        select * from unnest(
            cast(:subscription_id as text[]), cast(:period_start as timestamptz[]),
            cast(:plan_version_number as bigint[]), cast(:api_number as bigint[]),
            cast(:operation_number as bigint[]), cast(:window_start as timestamptz[]), cast(:environment as text[]),
            cast(:billable as boolean[]), cast(:status_class as smallint[]), cast(:calls as bigint[]),
            cast(:units as bigint[]), cast(:revision as bigint[])
        ) as t (subscription_id, period_start, plan_version_number, api_number, operation_number, window_start,
                environment, billable, status_class, calls, units, revision)
    ), newer as (
        select given.*, given.calls - coalesce(known.calls, 0) as more_calls,
               given.units - coalesce(known.units, 0) as more_units
        from given left join usage_windows known using (subscription_id, period_start, plan_version_number, api_number,
             operation_number, window_start, environment, billable, status_class)
        where known.revision is null or known.revision < given.revision
    ), kept as (
        insert into usage_windows
        select subscription_id, period_start, plan_version_number, api_number, operation_number, window_start,
               environment, billable, status_class, calls, units, revision from newer
        on conflict (subscription_id, period_start, plan_version_number, api_number, operation_number, window_start,
                     environment, billable, status_class)
        do update set calls = excluded.calls, units = excluded.units, revision = excluded.revision
    ), days as (
        insert into usage_days
        select subscription_id, period_start, plan_version_number, (window_start at time zone 'utc')::date,
               environment, billable, sum(more_calls), sum(more_units)
        from newer group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6
        on conflict (subscription_id, period_start, plan_version_number, day, environment, billable)
        do update set calls = usage_days.calls + excluded.calls, units = usage_days.units + excluded.units
    ), minutes as (
        insert into api_minutes
        select api_number, environment, date_trunc('minute', window_start, 'UTC'), status_class, sum(more_calls)
        from newer group by 1, 2, 3, 4 order by 1, 2, 3, 4
        on conflict (api_number, environment, at, status_class)
        do update set calls = api_minutes.calls + excluded.calls
    ), hours as (
        insert into api_hours
        select api_number, environment, date_trunc('hour', window_start, 'UTC'), status_class, sum(more_calls)
        from newer group by 1, 2, 3, 4 order by 1, 2, 3, 4
        on conflict (api_number, environment, at, status_class)
        do update set calls = api_hours.calls + excluded.calls
    )
    insert into usage_totals
    select subscription_id, period_start, plan_version_number, environment, billable, sum(more_calls), sum(more_units),
           max(window_start)
    from newer group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
    on conflict (subscription_id, period_start, plan_version_number, environment, billable)
    do update set calls = usage_totals.calls + excluded.calls, units = usage_totals.units + excluded.units,
                  last_call_at = greatest(usage_totals.last_call_at, excluded.last_call_at)
    """
)
_TOTALS = text(
    "select subscription_id, period_start, plan_version_number, environment, billable, calls, units, last_call_at"
    " from usage_totals where subscription_id = any(:ids)"
)
_DAYS = text(
    "select subscription_id, period_start, plan_version_number, day, environment, billable, calls, units"
    " from usage_days where subscription_id = any(:ids) and day between :since and :until order by day"
)
_UNITS_BEFORE = text(
    "select subscription_id, period_start, plan_version_number, sum(units) from usage_days"
    " where subscription_id = any(:ids) and day < :since and environment = 'production' and billable group by 1, 2, 3"
)
_COMPLETE = text(
    "insert into usage_complete values (:partition, :until) on conflict (partition)"
    " do update set complete_until = greatest(usage_complete.complete_until, excluded.complete_until)"
)
_REPORTED = text(
    "insert into usage_reported values (:subscription, :start, :counted, :reported)"
    " on conflict (subscription_id, period_start)"
    " do update set counted_units = excluded.counted_units, reported_units = excluded.reported_units"
)
_REFUSED = text(
    "insert into refused_meter_events values (:identifier, :subscription, :units, :reason)"
    " on conflict (identifier) do update set reason = excluded.reason"
)
_FIELDS = (
    "subscription_id",
    "period_start",
    "plan_version_number",
    "api_number",
    "operation_number",
    "window_start",
    "environment",
    "billable",
    "status_class",
    "calls",
    "units",
    "revision",
)


class PostgresUsage:
    """Port UsageStore. One writer per subscription: its partition's consumer, fenced by the stored offset."""

    async def apply(self, session: AsyncSession, windows: Sequence[UsageWindow]) -> None:
        """Higher revisions stay, totals move by the differences."""
        if not windows:
            return
        connection = await session.connection()
        await connection.execute(_APPLY, {name: [getattr(w, name) for w in windows] for name in _FIELDS})

    async def totals(self, session: AsyncSession, subscription_ids: Sequence[str]) -> Sequence[PeriodTotal]:
        """All periods."""
        connection = await session.connection()
        rows = await connection.execute(_TOTALS, {"ids": list(subscription_ids)})
        return [PeriodTotal(*row) for row in rows]

    async def days(
        self, session: AsyncSession, subscription_ids: Sequence[str], since: date, until: date
    ) -> Sequence[DayTotal]:
        """Both days included."""
        connection = await session.connection()
        rows = await connection.execute(_DAYS, {"ids": list(subscription_ids), "since": since, "until": until})
        return [DayTotal(*row) for row in rows]

    async def units_before(
        self, session: AsyncSession, subscription_ids: Sequence[str], since: date
    ) -> dict[tuple[str, datetime, int], int]:
        """Billed ones."""
        connection = await session.connection()
        rows = await connection.execute(_UNITS_BEFORE, {"ids": list(subscription_ids), "since": since})
        return {(row[0], row[1], row[2]): int(row[3]) for row in rows}

    async def set_complete(self, session: AsyncSession, partition: int, until: datetime) -> None:
        """Only forward."""
        connection = await session.connection()
        await connection.execute(_COMPLETE, {"partition": partition, "until": until})

    async def complete_until(self, session: AsyncSession) -> datetime | None:
        """The slowest partition's."""
        connection = await session.connection()
        found: datetime | None = (
            await connection.execute(text("select min(complete_until) from usage_complete"))
        ).scalar_one()
        return found

    async def save_reported(self, session: AsyncSession, reported: UsageReported) -> None:
        """The newest."""
        connection = await session.connection()
        values = {
            "subscription": reported.subscription_id,
            "start": reported.period_start,
            "counted": reported.counted_units,
            "reported": reported.reported_units,
        }
        await connection.execute(_REPORTED, values)

    async def save_refused(self, session: AsyncSession, refused: MeterEventRefused) -> None:
        """Once per identifier."""
        connection = await session.connection()
        values = {
            "identifier": refused.identifier,
            "subscription": refused.subscription_id,
            "units": refused.units,
            "reason": refused.reason,
        }
        await connection.execute(_REFUSED, values)


_INVOICES = text(
    "select * from invoices where organization_id = :organization and developer_id = :developer"
    " and (cast(:after as text) is null"
    "      or (created_at, id) < (select created_at, id from invoices where id = cast(:after as text)))"
    " order by created_at desc, id desc limit :limit"
)


class PostgresInvoices:
    """Port InvoiceStore."""

    async def save(self, session: AsyncSession, invoice: InvoiceUpdated) -> None:
        """Unless a later observation is known."""
        known = await session.get(InvoiceRow, invoice.invoice_id, with_for_update=True, populate_existing=True)
        if known is not None and known.observed >= invoice.observed:
            return
        values = msgspec.structs.asdict(invoice)
        values["id"] = values.pop("invoice_id")
        values["lines"] = msgspec.to_builtins(invoice.lines)
        await session.merge(InvoiceRow(**values))
        await session.flush()

    async def find(self, session: AsyncSession, invoice_id: str) -> InvoiceUpdated | None:
        """By Stripe's id."""
        row = await session.get(InvoiceRow, invoice_id, populate_existing=True)
        return _to_invoice(row) if row else None

    async def of_developer(
        self, session: AsyncSession, organization_id: str, developer_id: str, *, after: str | None, limit: int
    ) -> Sequence[InvoiceUpdated]:
        """Newest first."""
        values = {"organization": organization_id, "developer": developer_id, "after": after, "limit": limit}
        query = select(InvoiceRow).from_statement(_INVOICES).execution_options(populate_existing=True)
        rows = (await session.execute(query, values)).scalars()
        return [_to_invoice(row) for row in rows]


def _to_invoice(row: InvoiceRow) -> InvoiceUpdated:
    fields = row.model_dump()
    fields["invoice_id"] = fields.pop("id")
    return msgspec.convert({**fields, "type": "invoice.updated.v1"}, InvoiceUpdated, strict=False)
