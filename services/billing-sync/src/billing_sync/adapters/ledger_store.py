"""Usage windows and the ledger of meter events in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlmodel import col, select

from billing_sync.adapters import tables as t
from billing_sync.adapters.entity_store import Store
from billing_sync.domain import records as r
from shared.events.topics import METERING_USAGE
from shared.events.usage import UsageWindow

# The old units are read under the window's lock, so the total moves by exactly what the window moved.
_OLD = text(
    "select units, revision from usage_windows where subscription_id = :subscription_id"
    " and period_start = :period_start and window_start = :window_start and plan_version_number = :plan_version_number"
    " and api_number = :api_number and operation_number = :operation_number and environment = :environment"
    " and billable = :billable and status_class = :status_class for update"
)
_SAVE = text(
    "insert into usage_windows(subscription_id, plan_version_number, period_start, api_number, operation_number,"
    " window_start, environment, billable, status_class, calls, units, revision) values (:subscription_id,"
    " :plan_version_number, :period_start, :api_number, :operation_number, :window_start, :environment, :billable,"
    " :status_class, :calls, :units, :revision) on conflict (subscription_id, period_start, window_start,"
    " plan_version_number, api_number, operation_number, environment, billable, status_class)"
    " do update set calls = excluded.calls, units = excluded.units, revision = excluded.revision"
    " where usage_windows.revision < excluded.revision"
)
_ADD = text(
    "insert into usage_totals(subscription_id, period_start, units) values (:s, :p, :units)"
    " on conflict (subscription_id, period_start) do update set units = usage_totals.units + excluded.units"
)
_FIELDS = (
    "subscription_id",
    "plan_version_number",
    "period_start",
    "api_number",
    "operation_number",
    "window_start",
    "environment",
    "billable",
    "status_class",
)


class LedgerStore(Store):
    """LedgerStore of the ports."""

    async def record_windows(self, windows: Sequence[UsageWindow]) -> set[str]:
        """Keep the highest revision of each; the subscriptions whose billable production total changed."""
        newest: dict[tuple[object, ...], UsageWindow] = {}
        for window in windows:
            key = tuple(getattr(window, name) for name in _FIELDS)
            if key not in newest or newest[key].revision < window.revision:
                newest[key] = window
        added: dict[tuple[str, datetime], int] = {}
        for window in newest.values():
            values = {name: getattr(window, name) for name in _FIELDS}
            old = (await self.run(_OLD, values)).first()
            if old is not None and old.revision >= window.revision:
                continue
            await self.run(_SAVE, {**values, "calls": window.calls, "units": window.units, "revision": window.revision})
            if window.billable and window.environment == "production":
                total = (window.subscription_id, window.period_start)
                added[total] = added.get(total, 0) + window.units - (old.units if old is not None else 0)
        for (subscription_id, period_start), units in sorted(added.items()):
            await self.run(_ADD, {"s": subscription_id, "p": period_start, "units": units})
        return {subscription_id for (subscription_id, _), units in added.items() if units}

    async def counted_units(self, subscription_id: str, period_start: datetime) -> int:
        """What the windows of a period say."""
        rows = await self.run(
            text("select units from usage_totals where subscription_id = :s and period_start = :p"),
            {"s": subscription_id, "p": period_start},
        )
        return int(rows.scalar() or 0)

    async def record_complete(self, partition: int, complete_until: datetime) -> None:
        """Only forward."""
        await self.run(
            text(
                "insert into usage_complete(partition, complete_until) values (:p, :at) on conflict (partition)"
                " do update set complete_until = greatest(usage_complete.complete_until, excluded.complete_until)"
            ),
            {"p": partition, "at": complete_until},
        )

    async def complete_until(self) -> datetime | None:
        """The least over all partitions; None until every one has spoken."""
        rows = await self.run(text("select min(complete_until) as least, count(*) as known from usage_complete"), {})
        row = rows.one()
        return row.least if row.known >= METERING_USAGE.partitions else None

    async def pushes(self, subscription_id: str, period_start: datetime) -> list[r.Push]:
        """The ledger of a period, in order."""
        rows = await self.session.exec(
            select(t.PushRow)
            .where(t.PushRow.subscription_id == subscription_id, t.PushRow.period_start == period_start)
            .order_by(col(t.PushRow.push_number))
            .execution_options(populate_existing=True)
        )
        return [t.to_record(r.Push, row) for row in rows]

    async def save_push(self, push: r.Push) -> None:
        """Insert or update; the partial unique index refuses a second unfinished push of a (customer, meter)."""
        await self.save(t.PushRow, push)

    async def unfinished_push(self, customer_id: str, meter_id: str) -> r.Push | None:
        """The one pending row."""
        rows = await self.session.exec(
            select(t.PushRow)
            .where(t.PushRow.customer_id == customer_id, t.PushRow.meter_id == meter_id, t.PushRow.status == "pending")
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        row = rows.first()
        return None if row is None else t.to_record(r.Push, row)

    async def units_stamped(self, customer_id: str, meter_id: str, start: datetime, end: datetime) -> int:
        """Units that Stripe took with a stamp in [start, end), whatever the period or the subscription."""
        rows = await self.run(
            text(
                "select coalesce(sum(units), 0) from ledger where customer_id = :c and meter_id = :m"
                " and stamped_at >= :start and stamped_at < :end and status in ('sent', 'confirmed')"
            ),
            {"c": customer_id, "m": meter_id, "start": start, "end": end},
        )
        return int(rows.scalar() or 0)

    async def confirm_stamped(self, customer_id: str, meter_id: str, start: datetime, end: datetime) -> None:
        """The summary of the range agrees."""
        await self.run(
            text(
                "update ledger set status = 'confirmed' where customer_id = :c and meter_id = :m"
                " and stamped_at >= :start and stamped_at < :end and status = 'sent'"
            ),
            {"c": customer_id, "m": meter_id, "start": start, "end": end},
        )

    async def save_late(self, subscription_id: str, period_start: datetime, units: int, reason: str) -> int:
        """Units of a period that are on no invoice; how many more than were known."""
        values = {"s": subscription_id, "p": period_start, "units": units, "reason": reason}
        old = (
            await self.run(
                text("select units from late_usage where subscription_id = :s and period_start = :p for update"), values
            )
        ).scalar()
        await self.run(
            text(
                "insert into late_usage(subscription_id, period_start, units, reason) values (:s, :p, :units, :reason)"
                " on conflict (subscription_id, period_start) do update set units = excluded.units"
            ),
            values,
        )
        return units - int(old or 0)
