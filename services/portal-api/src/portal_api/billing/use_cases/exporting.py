"""Invoices and usage as CSV (RFC 4180), for people who count."""

import csv
import io
from collections.abc import Iterable, Sequence

from portal_api.billing.use_cases.usage_history import UsageHistory
from shared.events.billing import InvoiceUpdated
from shared.money import exponent, plain, to_major

_INVOICE_HEAD = (
    "invoice", "number", "status", "created_at", "period_start", "period_end", "paid_at", "currency", "line",
    "quantity", "unit_amount", "amount", "invoice_total", "subscription",
)  # fmt: skip
_USAGE_HEAD = (
    "day", "api", "plan", "application", "subscription", "billed_calls", "calls_not_billed", "units", "amount",
    "currency",
)  # fmt: skip


def invoices_csv(invoices: Iterable[InvoiceUpdated]) -> str:
    """A row per line of each invoice; amounts in major units (`2.00`), times in UTC."""
    rows = []
    for invoice in invoices:
        for line in invoice.lines:
            unit = line.unit_amount_decimal
            rows.append(
                (
                    invoice.invoice_id, invoice.number or "", invoice.status, invoice.created_at.isoformat(),
                    line.period_start.isoformat(), line.period_end.isoformat(),
                    invoice.paid_at.isoformat() if invoice.paid_at else "", invoice.currency.upper(),
                    line.description, line.quantity,
                    plain(to_major(unit, invoice.currency)) if unit is not None else "",
                    _major(line.amount_minor, invoice.currency), _major(invoice.total_minor, invoice.currency),
                    invoice.subscription_id or "",
                )
            )  # fmt: skip
    return _csv(_INVOICE_HEAD, rows)


def usage_csv(history: UsageHistory) -> str:
    """A row per day and subscription; amounts in major units, without fees."""
    rows = []
    for row in history.rows:
        named, tally = row.named, row.tally
        currency, amount = next(iter(tally.amounts.items()), ("", 0))
        rows.append(
            (
                row.day.isoformat(), named.api.display_name if named.api else "", named.plan.name if named.plan else "",
                named.application_name or "", named.subscription.id, tally.calls, tally.calls_not_billed, tally.units,
                _major(amount, currency) if currency else "", currency.upper(),
            )
        )  # fmt: skip
    return _csv(_USAGE_HEAD, rows)


def _major(amount_minor: int, currency: str) -> str:
    return f"{to_major(amount_minor, currency):.{exponent(currency)}f}"


def _csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    for row in rows:
        writer.writerow([_harmless(value) if isinstance(value, str) else value for value in row])
    return text.getvalue()


def _harmless(text: str) -> str:
    """A spreadsheet runs what begins so as a formula; names here are chosen by others."""
    return f"'{text}" if text.startswith(("=", "+", "@", "\t", "\r")) or _is_formula(text) else text


def _is_formula(text: str) -> bool:
    # A negative amount is a number and must stay one.
    return text.startswith("-") and not text[1:].replace(".", "", 1).isdigit()
