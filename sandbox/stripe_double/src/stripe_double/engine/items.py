"""Invoice items: amounts that wait for an invoice, or go onto a draft at once."""

from decimal import Decimal

from stripe_double.engine.invoices import new_line
from stripe_double.store import Object
from stripe_double.work import Work


def line_of(work: Work, item: Object) -> Object:
    """The invoice line of an invoice item."""
    price_id = (item["pricing"]["price_details"] or {}).get("price")
    line = new_line(
        work,
        amount=item["amount"],
        currency=item["currency"],
        description=item["description"] or "",
        period=(item["period"]["start"], item["period"]["end"]),
        quantity=Decimal(item["quantity"]),
        price=work.get(price_id) if price_id else None,
        unit_amount_decimal=item["pricing"]["unit_amount_decimal"],
        parent={
            "type": "invoice_item_details",
            "subscription_item_details": None,
            "invoice_item_details": {
                "invoice_item": item["id"],
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": (item["parent"] or {}).get("subscription_details", {}).get("subscription"),
            },
        },
    )
    line["metadata"] = dict(item["metadata"])
    return line


def pending_lines(work: Work, customer: Object, subscription: Object | None) -> list[Object]:
    """Lines of the customer's pending items: those of no subscription or of this one."""
    lines = []
    for item in work.of_kind("invoiceitem", customer["id"]):
        of = (item["parent"] or {}).get("subscription_details", {}).get("subscription")
        if item["invoice"] is None and (of is None or (subscription is not None and of == subscription["id"])):
            lines.append(line_of(work, item))
    return lines[::-1]


def drop_pending(work: Work, lines: list[Object]) -> None:
    """The items of these lines are on an invoice now."""
    for line in lines:
        details = line["parent"]["invoice_item_details"]
        if details:
            item = work.require("invoiceitem", details["invoice_item"])
            item["invoice"] = line["invoice"]
            work.save(item)
