"""Is a cancelled subscription's last invoice right, and if not, what makes it right? (Cancel now, last step.)

The step makes Stripe's open questions harmless: whether unprorated usage is billed at cancellation, whether the final
invoice is a draft, whether there is one at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from billing_sync.domain.stripe_facts import InvoiceFacts

CORRECTION = "tollway_correction"  # metadata key of invoices we make: value = subscription id

# Stripe stamps an invoice in full seconds, and its clock may differ from ours a little.
_SKEW = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`difference_minor` = what the invoice lacks (negative: has too much)."""

    action: Literal["finalize", "add_item", "standalone", "nothing", "alarm"]
    difference_minor: int
    invoice_id: str | None


def find_final(
    invoices: Sequence[InvoiceFacts],
    subscription_id: str,
    usage_price_id: str | None,
    period_start: datetime,
    deleted_at: datetime,
) -> InvoiceFacts | None:
    """The invoice of the last, cut period: made at the deletion; or a correction of ours made before a crash.

    A renewal's draft, or the first invoice, may be as young: usage lines of the one end where the cut period begins,
    the other has none. A fee line says nothing: it is of the period to come.
    """

    def bills_the_cut_period(invoice: InvoiceFacts) -> bool:
        ends = [line.period_end for line in invoice.lines if line.price_id == usage_price_id]
        return any(end > period_start for end in ends) if ends else invoice.created_at > period_start + _SKEW

    made = [
        invoice
        for invoice in invoices
        if invoice.status != "void"
        and invoice.metadata.get(CORRECTION) != subscription_id
        and invoice.created_at >= deleted_at - _SKEW
        and bills_the_cut_period(invoice)
    ]
    return max(made, key=lambda invoice: invoice.created_at, default=None)


def stopped_invoices(
    invoices: Sequence[InvoiceFacts], subscription_id: str, final: InvoiceFacts | None
) -> list[InvoiceFacts]:
    """What Stripe no longer collects because the subscription was deleted, and what is owed all the same.

    A draft in its grace hour: the usage of the period before, and the fee in advance for the one that was cut.
    """
    return [
        invoice
        for invoice in invoices
        if invoice.status in ("draft", "open")
        and not invoice.auto_advance
        and invoice.metadata.get(CORRECTION) != subscription_id
        and (final is None or invoice.invoice_id != final.invoice_id)
    ]


def find_correction(invoices: Sequence[InvoiceFacts], subscription_id: str) -> InvoiceFacts | None:
    """The standalone invoice that an earlier try of ours made."""
    return next((i for i in invoices if i.status != "void" and i.metadata.get(CORRECTION) == subscription_id), None)


def invoiced_usage(invoice: InvoiceFacts, usage_price_id: str | None, correction: str) -> int:
    """The metered part of an invoice: lines of the usage price, and our own correction (by its description)."""
    return sum(
        line.amount_minor
        for line in invoice.lines
        if (usage_price_id is not None and line.price_id == usage_price_id) or line.description == correction
    )


def decide_final(invoice: InvoiceFacts | None, invoiced_minor: int, expected_minor: int) -> Verdict:
    """Equal: finalize. Short: an item on the draft, or a further invoice. Too much: a negative item, else an alarm."""
    difference = expected_minor - invoiced_minor
    if invoice is None:
        return Verdict("standalone" if difference > 0 else "nothing", difference, None)
    is_draft = invoice.status == "draft"
    if difference == 0:
        return Verdict("finalize" if is_draft else "nothing", 0, invoice.invoice_id)
    if is_draft:
        return Verdict("add_item", difference, invoice.invoice_id)
    return Verdict("standalone" if difference > 0 else "alarm", difference, invoice.invoice_id)
