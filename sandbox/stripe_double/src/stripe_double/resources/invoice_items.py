"""Invoice items: one amount for a draft or for the next invoice."""

from decimal import Decimal
from typing import Any

from stripe_double.engine.invoices import add_lines, total_up
from stripe_double.engine.items import line_of
from stripe_double.engine.rating import amount_for, round_minor
from stripe_double.errors import invalid, missing_parameter
from stripe_double.request.operations import LIST, Operation, within
from stripe_double.request.paging import page
from stripe_double.store import Object
from stripe_double.work import Work, merge_metadata


def _amount(work: Work, params: dict[str, Any]) -> tuple[int, str, Object]:
    """Amount, currency and pricing from one of: amount; quantity x unit_amount_decimal; quantity x a price."""
    quantity = params.get("quantity", 1)
    pricing: Object = {"type": "price_details", "price_details": None, "unit_amount_decimal": None}
    price_id = params.get("pricing", {}).get("price")
    if price_id:
        price = work.require("price", price_id, "pricing[price]")
        pricing["price_details"] = {"price": price_id, "product": price["product"]}
        pricing["unit_amount_decimal"] = price["unit_amount_decimal"]
        return amount_for(price, Decimal(quantity)), price["currency"], pricing
    currency = params.get("currency")
    if currency is None:
        raise missing_parameter("currency")
    if "amount" in params:
        if "quantity" in params or "unit_amount_decimal" in params:
            raise invalid("You may not combine `amount` with `quantity` or `unit_amount_decimal`.", "amount")
        pricing["unit_amount_decimal"] = str(params["amount"])
        return params["amount"], currency, pricing
    if "unit_amount_decimal" not in params:
        raise missing_parameter("amount")
    pricing["unit_amount_decimal"] = params["unit_amount_decimal"]
    return round_minor(Decimal(params["unit_amount_decimal"]) * quantity), currency, pricing


def _create(work: Work, params: dict[str, Any]) -> Object:
    if not params.get("customer"):
        raise missing_parameter("customer")
    customer = work.require("customer", params["customer"], "customer")
    amount, currency, pricing = _amount(work, params)
    subscription = params.get("subscription")
    if subscription:
        work.require("subscription", subscription, "subscription")
    item = {key: value for key, value in work.new("invoiceitem", "ii", {}).items() if key != "created"} | {
        "amount": amount,
        "currency": currency,
        "customer": customer["id"],
        "date": work.second,
        "description": params.get("description"),
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "net_amount": amount,
        "parent": {
            "type": "subscription_details",
            "subscription_details": {"subscription": subscription, "subscription_item": None},
        }
        if subscription
        else None,
        "period": params.get("period") or {"start": work.second, "end": work.second},
        "pricing": pricing,
        "proration": False,
        "quantity": params.get("quantity", 1),
        "tax_rates": [],
        "test_clock": None,
    }
    merge_metadata(item, params.get("metadata"))
    if params.get("invoice"):
        _put_on_draft(work, item, params["invoice"])
    work.save(item)
    work.emit("invoiceitem.created", item)
    return item


def _put_on_draft(work: Work, item: Object, invoice_id: str) -> None:
    invoice = work.require("invoice", invoice_id, "invoice")
    if invoice["status"] != "draft":
        raise invalid("This invoice is no longer editable", "invoice", "invoice_not_editable")
    if invoice["currency"] != item["currency"] or invoice["customer"] != item["customer"]:
        raise invalid("The invoice has another customer or currency than the item.", "invoice")
    item["invoice"] = invoice_id
    add_lines(work, invoice, [line_of(work, item)])
    work.save(invoice)
    work.emit("invoice.updated", invoice, {})


def _retrieve(work: Work, _: dict[str, Any], item_id: str) -> Object:
    return work.require("invoiceitem", item_id)


def _delete(work: Work, _: dict[str, Any], item_id: str) -> Object:
    item = work.require("invoiceitem", item_id)
    if item["invoice"] is not None:
        invoice = work.require("invoice", item["invoice"])
        if invoice["status"] != "draft":
            raise invalid("This invoice is no longer editable", code="invoice_not_editable")
        lines = invoice["lines"]["data"]
        invoice["lines"]["data"] = [
            line for line in lines if (line["parent"]["invoice_item_details"] or {}).get("invoice_item") != item_id
        ]
        total_up(work, invoice)
        work.save(invoice)
    work.store.delete(work.account_id, item_id)
    work.emit("invoiceitem.deleted", item)
    return {"id": item_id, "object": "invoiceitem", "deleted": True}


def _list(work: Work, params: dict[str, Any]) -> Object:
    pending = params.get("pending")
    found = (
        item
        for item in work.of_kind("invoiceitem", params.get("customer"))
        if params.get("invoice") in (None, item["invoice"])
        and (pending is None or pending == (item["invoice"] is None))
        and within(item["date"], params.get("created"))
    )
    return page(work, "/v1/invoiceitems", found, params)


OPERATIONS = (
    Operation(
        "POST",
        "/v1/invoiceitems",
        "_invoice_item_create_params.InvoiceItemCreateParams",
        _create,
        "amount currency customer description invoice metadata period pricing quantity subscription"
        " unit_amount_decimal",
    ),
    Operation(
        "GET",
        "/v1/invoiceitems",
        "_invoice_item_list_params.InvoiceItemListParams",
        _list,
        f"{LIST} created customer invoice pending",
    ),
    Operation("GET", "/v1/invoiceitems/{id}", "_invoice_item_retrieve_params.InvoiceItemRetrieveParams", _retrieve),
    Operation("DELETE", "/v1/invoiceitems/{id}", "_invoice_item_delete_params.InvoiceItemDeleteParams", _delete),
)
