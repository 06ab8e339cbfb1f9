"""Invoices, renewals, cancellations and received webhooks in PostgreSQL."""

from datetime import datetime

from sqlalchemy import text
from sqlmodel import select

from billing_sync.adapters import tables as t
from billing_sync.adapters.entity_store import Store
from billing_sync.domain import records as r


class InvoiceStore(Store):
    """InvoiceStore of the ports."""

    async def invoice(self, invoice_id: str) -> r.MirroredInvoice | None:
        """As published last; locks the row."""
        return await self.get(r.MirroredInvoice, t.MirroredInvoiceRow, invoice_id, lock=True)

    async def save_invoice(self, invoice: r.MirroredInvoice, event: bytes) -> None:
        """Insert or update, with the event that was published (for republishing)."""
        values = t.columns(invoice)
        names = ", ".join(values)
        binds = ", ".join(f":{name}" for name in values)
        sets = ", ".join(f"{name} = excluded.{name}" for name in values)
        statement = text(
            f"insert into invoices({names}, event) values ({binds}, :event)"  # noqa: S608 - names of a dataclass
            f" on conflict (invoice_id) do update set {sets}, event = excluded.event"
        )
        await self.run(statement, {**values, "event": event})
        self.session.expire_all()

    async def open_invoices(self, subscription_id: str) -> int:
        """How many are not final."""
        rows = await self.run(
            text("select count(*) from invoices where subscription_id = :s and status in ('draft', 'open')"),
            {"s": subscription_id},
        )
        return int(rows.scalar() or 0)

    async def renewal(self, invoice_id: str) -> r.Renewal | None:
        """By invoice."""
        return await self.get(r.Renewal, t.RenewalRow, invoice_id)

    async def renewal_of(self, subscription_id: str, period_start: datetime) -> r.Renewal | None:
        """By period."""
        rows = await self.session.exec(
            select(t.RenewalRow)
            .where(t.RenewalRow.subscription_id == subscription_id, t.RenewalRow.period_start == period_start)
            .execution_options(populate_existing=True)
        )
        row = rows.first()
        return None if row is None else t.to_record(r.Renewal, row)

    async def save_renewal(self, renewal: r.Renewal) -> None:
        """Insert or update."""
        await self.save(t.RenewalRow, renewal)

    async def closing(self, subscription_id: str) -> r.Closing | None:
        """By subscription."""
        return await self.get(r.Closing, t.ClosingRow, subscription_id)

    async def save_closing(self, closing: r.Closing) -> None:
        """Insert or update."""
        await self.save(t.ClosingRow, closing)

    async def save_stripe_event(self, event: r.StripeEvent) -> bool:
        """False when this event is already here."""
        rows = await self.run(
            text(
                "insert into stripe_events(organization_id, event_id, kind, object_id, payload, received_at) values"
                " (:organization_id, :event_id, :kind, :object_id, :payload, :received_at) on conflict do nothing"
            ),
            t.columns(event),
        )
        return rows.rowcount == 1
