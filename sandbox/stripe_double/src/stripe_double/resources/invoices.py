"""Invoices: reading, changing, making. What moves them on is in `invoice_actions`."""

import copy
from typing import Any

from stripe_double.engine import subscriptions
from stripe_double.engine.invoices import (
    add_lines,
    licensed_line,
    metered_lines,
    new_invoice,
    refresh_draft,
    set_auto_advance,
    total_up,
)
from stripe_double.engine.items import drop_pending, pending_lines
from stripe_double.errors import invalid, missing_parameter
from stripe_double.ids import new_id
from stripe_double.request.operations import LIST, Operation, within
from stripe_double.request.paging import page
from stripe_double.store import Object
from stripe_double.work import Work, merge_metadata


def _create(work: Work, params: dict[str, Any]) -> Object:
    if not params.get("customer"):
        raise missing_parameter("customer")
    customer = work.require("customer", params["customer"], "customer")
    subscription = None
    if params.get("subscription"):
        subscription = work.require("subscription", params["subscription"], "subscription")
    include = params.get("pending_invoice_items_behavior") == "include"
    lines = pending_lines(work, customer, subscription) if include else []
    currency = params.get("currency") or (lines[0]["currency"] if lines else work.account["default_currency"])
    invoice = new_invoice(
        work,
        customer,
        currency=currency,
        billing_reason="manual",
        lines=lines,
        period=(work.second, work.second),
        subscription=subscription,
        auto_advance=params.get("auto_advance", False),
        more={
            "description": params.get("description"),
            "default_payment_method": params.get("default_payment_method"),
            "metadata": params.get("metadata") or {},
        },
    )
    drop_pending(work, lines)
    return invoice


def _retrieve(work: Work, _: dict[str, Any], invoice_id: str) -> Object:
    return refresh_draft(work, work.require("invoice", invoice_id))


def _list(work: Work, params: dict[str, Any]) -> Object:
    def matches(invoice: Object) -> bool:
        of = (invoice["parent"] or {}).get("subscription_details", {}).get("subscription")
        return (
            params.get("status") in (None, invoice["status"])
            and params.get("subscription") in (None, of)
            and params.get("collection_method") in (None, invoice["collection_method"])
            and within(invoice["created"], params.get("created"))
        )

    found = filter(matches, work.of_kind("invoice", params.get("customer")))
    listed = page(work, "/v1/invoices", found, params)
    listed["data"] = [refresh_draft(work, invoice) for invoice in listed["data"]]
    return listed


def _update(work: Work, params: dict[str, Any], invoice_id: str) -> Object:
    invoice = work.require("invoice", invoice_id)
    before = copy.deepcopy(invoice)
    if "auto_advance" in params:
        if invoice["status"] not in ("draft", "open"):
            raise invalid(
                f"You can't change `auto_advance` of an invoice that is {invoice['status']}.",
                "auto_advance",
                "invoice_not_editable",
            )
        set_auto_advance(work, invoice, params["auto_advance"])
    if "description" in params or "default_payment_method" in params:
        if invoice["status"] != "draft":
            raise invalid("Finalized invoices can't be updated in this way.", code="invoice_not_editable")
        for name in ("description", "default_payment_method"):
            invoice[name] = (params[name] or None) if name in params else invoice[name]
    merge_metadata(invoice, params.get("metadata"))
    work.save(invoice)
    work.emit_update("invoice.updated", before, invoice)
    return invoice


def _delete(work: Work, _: dict[str, Any], invoice_id: str) -> Object:
    invoice = work.require("invoice", invoice_id)
    if invoice["status"] != "draft" or invoice["parent"] is not None:
        raise invalid("You can only delete draft invoices that belong to no subscription.", code="invoice_not_editable")
    work.store.delete(work.account_id, invoice_id)
    work.emit("invoice.deleted", invoice)
    return {"id": invoice_id, "object": "invoice", "deleted": True}


def _lines(work: Work, params: dict[str, Any], invoice_id: str) -> Object:
    invoice = refresh_draft(work, work.require("invoice", invoice_id))
    listed = page(work, f"/v1/invoices/{invoice_id}/lines", invoice["lines"]["data"], params)
    return listed | {"_whole": True}


def _preview(work: Work, params: dict[str, Any]) -> Object:
    if not params.get("subscription"):
        raise invalid("The Stripe double previews existing subscriptions only.", "subscription", "double_not_modelled")
    subscription = work.require("subscription", params["subscription"], "subscription")
    if subscription["status"] not in subscriptions.LIVE:
        raise invalid("No upcoming invoices for customer", code="invoice_upcoming_none")
    customer = work.require("customer", subscription["customer"])
    begin, end = subscriptions.period(subscription)
    lines = []
    for item in subscription["items"]["data"]:
        if subscriptions.is_metered(item):
            lines += metered_lines(work, subscription, item, begin, end)
        elif not subscription["cancel_at_period_end"]:
            lines.append(licensed_line(work, subscription, item, end, end + (end - begin)))
    lines += pending_lines(work, customer, subscription)
    # Never saved: only its shape is that of a draft.
    with_lines = {
        "id": new_id("upcoming_in"),
        "object": "invoice",
        "amount_due": 0,
        "amount_paid": 0,
        "billing_reason": "upcoming",
        "created": work.second,
        "currency": subscription["currency"],
        "customer": customer["id"],
        "lines": {"object": "list", "data": [], "has_more": False, "url": "/v1/invoices/upcoming/lines"},
        "livemode": False,
        "metadata": {},
        "parent": {
            "type": "subscription_details",
            "quote_details": None,
            "subscription_details": {"metadata": subscription["metadata"], "subscription": subscription["id"]},
        },
        "period_start": begin,
        "period_end": end,
        "status": "draft",
    }
    add_lines(work, with_lines, lines)
    total_up(work, with_lines)
    return with_lines


OPERATIONS = (
    Operation(
        "POST",
        "/v1/invoices",
        "_invoice_create_params.InvoiceCreateParams",
        _create,
        "auto_advance currency customer default_payment_method description metadata pending_invoice_items_behavior"
        " subscription",
    ),
    Operation(
        "GET",
        "/v1/invoices",
        "_invoice_list_params.InvoiceListParams",
        _list,
        f"{LIST} collection_method created customer status subscription",
    ),
    Operation(
        "POST",
        "/v1/invoices/create_preview",
        "_invoice_create_preview_params.InvoiceCreatePreviewParams",
        _preview,
        "customer subscription",
    ),
    Operation("GET", "/v1/invoices/{id}", "_invoice_retrieve_params.InvoiceRetrieveParams", _retrieve),
    Operation(
        "POST",
        "/v1/invoices/{id}",
        "_invoice_update_params.InvoiceUpdateParams",
        _update,
        "auto_advance default_payment_method description metadata",
    ),
    Operation("DELETE", "/v1/invoices/{id}", "_invoice_delete_params.InvoiceDeleteParams", _delete),
    Operation(
        "GET",
        "/v1/invoices/{id}/lines",
        "_invoice_line_item_list_params.InvoiceLineItemListParams",
        _lines,
        LIST,
    ),
)
