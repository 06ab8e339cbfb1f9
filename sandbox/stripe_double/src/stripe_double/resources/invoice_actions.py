"""Finalize, pay, void, mark uncollectible; and the payments of invoices."""

from typing import Any

from stripe_double.engine.collection import mark_paid, pay
from stripe_double.engine.invoices import finalize, set_auto_advance
from stripe_double.errors import invalid
from stripe_double.request.operations import LIST, Operation
from stripe_double.request.paging import page
from stripe_double.store import Object
from stripe_double.work import Work


def _finalize(work: Work, params: dict[str, Any], invoice_id: str) -> Object:
    invoice = work.require("invoice", invoice_id)
    finalize(work, invoice)
    if invoice["amount_due"] <= 0:
        mark_paid(work, invoice)
        return invoice
    # Collection is a step of its own that follows at once, as at Stripe: the answer still says `open`.
    set_auto_advance(work, invoice, bool(params.get("auto_advance", invoice["auto_advance"])))
    return work.save(invoice)


def _pay(work: Work, params: dict[str, Any], invoice_id: str) -> Object:
    invoice = work.require("invoice", invoice_id)
    pay(
        work,
        invoice,
        chosen=params.get("payment_method"),
        out_of_band=params.get("paid_out_of_band", False),
    )
    return invoice


def _close(status: str, stamp: str, event: str, allowed: tuple[str, ...]) -> Any:
    def run(work: Work, _: dict[str, Any], invoice_id: str) -> Object:
        invoice = work.require("invoice", invoice_id)
        if invoice["status"] not in allowed:
            raise invalid(
                f"You can't do this with an invoice that is {invoice['status']}.", code="invoice_not_editable"
            )
        invoice |= {"status": status, "auto_advance": False, "next_payment_attempt": None, "_due_at": None}
        invoice["status_transitions"][stamp] = work.second
        work.save(invoice)
        work.emit(event, invoice)
        return invoice

    return run


def _list_payments(work: Work, params: dict[str, Any]) -> Object:
    found = (
        payment
        for payment in work.of_kind("invoice_payment")
        if params.get("invoice") in (None, payment["invoice"]) and params.get("status") in (None, payment["status"])
    )
    return page(work, "/v1/invoice_payments", found, params)


OPERATIONS = (
    Operation(
        "POST",
        "/v1/invoices/{id}/finalize",
        "_invoice_finalize_invoice_params.InvoiceFinalizeInvoiceParams",
        _finalize,
        "auto_advance",
    ),
    Operation(
        "POST",
        "/v1/invoices/{id}/pay",
        "_invoice_pay_params.InvoicePayParams",
        _pay,
        "paid_out_of_band payment_method off_session",
    ),
    Operation(
        "POST",
        "/v1/invoices/{id}/void",
        "_invoice_void_invoice_params.InvoiceVoidInvoiceParams",
        _close("void", "voided_at", "invoice.voided", ("open", "uncollectible")),
    ),
    Operation(
        "POST",
        "/v1/invoices/{id}/mark_uncollectible",
        "_invoice_mark_uncollectible_params.InvoiceMarkUncollectibleParams",
        _close("uncollectible", "marked_uncollectible_at", "invoice.marked_uncollectible", ("open",)),
    ),
    Operation(
        "GET",
        "/v1/invoice_payments",
        "_invoice_payment_list_params.InvoicePaymentListParams",
        _list_payments,
        f"{LIST} invoice status",
    ),
)
