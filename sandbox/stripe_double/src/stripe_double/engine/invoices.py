"""Invoices: drafts, their lines, finalization. What collects them is in `collection`."""

import copy
from decimal import Decimal
from typing import Any

from stripe_double.engine.rating import amount_for, round_minor, shares_of, shown, to_step
from stripe_double.engine.usage import usage_between
from stripe_double.errors import invalid
from stripe_double.ids import new_id, random_text
from stripe_double.store import Object
from stripe_double.work import Work

# Stripe charges no less than this; smaller totals roll onto the customer's balance.
MINIMUM_CHARGE = {"usd": 50, "eur": 50, "gbp": 30, "chf": 50, "cad": 50, "aud": 50, "jpy": 50, "sek": 300, "dkk": 250}


def new_line(
    work: Work,
    *,
    amount: int,
    currency: str,
    description: str,
    period: tuple[int, int],
    quantity: Decimal,
    price: Object | None = None,
    unit_amount_decimal: str | None = None,
    parent: Object,
) -> Object:
    """An invoice line."""
    pricing: Object = {"type": "price_details", "unit_amount_decimal": unit_amount_decimal, "price_details": None}
    if price is not None:
        pricing |= {
            "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": price["unit_amount_decimal"],
        }
    subscription = (parent.get("subscription_item_details") or parent.get("invoice_item_details") or {}).get(
        "subscription"
    )
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": currency,
        "description": description,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "parent": parent,
        "period": {"start": period[0], "end": period[1]},
        "pretax_credit_amounts": [],
        "pricing": pricing,
        "quantity": int(quantity),
        "quantity_decimal": format(quantity, "f"),
        "subscription": subscription,
        "subtotal": amount,
        "taxes": [],
    }


def item_parent(subscription: Object, item: Object, *, proration: bool = False) -> Object:
    """The parent of a line that comes from a subscription item."""
    return {
        "type": "subscription_item_details",
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": proration,
            "proration_details": {"credited_items": None},
            "subscription": subscription["id"],
            "subscription_item": item["id"],
        },
    }


def metered_lines(
    work: Work, subscription: Object, item: Object, start: int, end: int, *, free: bool = False
) -> list[Object]:
    """The lines of a metered item for [start, end), with the usage known now. In a trial (`free`) they cost nothing.

    Their hidden `_metered` says what is added up again while the invoice is a draft.
    """
    usage = {
        "item": item["id"],
        "price": copy.deepcopy(item["price"]),
        "start": start,
        "end": end,
        "free": free,
        "customer": subscription["customer"],
        "parent": item_parent(subscription, item),
    }
    return _lines_of_usage(work, usage)


def _lines_of_usage(work: Work, usage: Object) -> list[Object]:
    price, free = usage["price"], usage["free"]
    currency, recurring = price["currency"], price["recurring"]
    meter = work.require("billing.meter", recurring["meter"])
    quantity = usage_between(work, meter, usage["customer"], usage["start"], usage["end"])
    name = (work.get(price["product"]) or {"name": price["product"]})["name"]
    lines = []
    for share in shares_of(price, quantity):
        tier = f"Tier {share.tier} " if share.tier else ""
        priced = f" ({tier}at {shown(share.at, currency)} / {recurring['interval']})"
        line = new_line(
            work,
            amount=0 if free else share.amount,
            currency=currency,
            description=("" if share.is_flat else f"{share.quantity} × ")
            + name
            + (" (free trial)" if free else priced),
            period=(usage["start"], usage["end"]),
            quantity=share.quantity,
            price=price,
            parent=usage["parent"],
        )
        lines.append(line | {"_metered": usage})
    return lines


def licensed_line(
    work: Work, subscription: Object, item: Object, start: int, end: int, *, free: bool = False
) -> Object:
    """The line of a licensed item: the whole fee, in advance."""
    price, quantity = item["price"], Decimal(item["quantity"])
    product = work.get(price["product"]) or {"name": price["product"]}
    return new_line(
        work,
        amount=0 if free else amount_for(price, quantity),
        currency=price["currency"],
        description=f"{quantity} × {product['name']}",
        period=(start, end),
        quantity=quantity,
        price=price,
        parent=item_parent(subscription, item),
    )


def unused_time_line(work: Work, subscription: Object, item: Object, at: int) -> Object:
    """The credit for a licensed item that is cancelled with `prorate`."""
    start, end = item["current_period_start"], item["current_period_end"]
    price = item["price"]
    whole = amount_for(price, Decimal(item["quantity"]))
    return new_line(
        work,
        amount=-round_minor(Decimal(whole) * (end - at) / (end - start)),
        currency=price["currency"],
        description="Unused time",
        period=(at, end),
        quantity=Decimal(item["quantity"]),
        price=price,
        parent=item_parent(subscription, item, proration=True),
    )


def _blank_invoice() -> Object:
    """What every new draft says, whoever it is for."""
    return {
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_shipping": 0,
        "attempt_count": 0,
        "attempted": False,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None, "status": None},
        "automatically_finalizes_at": None,
        "collection_method": "charge_automatically",
        "default_payment_method": None,
        "description": None,
        "discounts": [],
        "due_date": None,
        "effective_at": None,
        "ending_balance": None,
        "footer": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "next_payment_attempt": None,
        "number": None,
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "starting_balance": 0,
        "statement_descriptor": None,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "total_discount_amounts": [],
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": None,
        "_payments": {"object": "list", "data": [], "has_more": False, "url": "/v1/invoice_payments"},
    }


def new_invoice(
    work: Work,
    customer: Object,
    *,
    currency: str,
    billing_reason: str,
    lines: list[Object],
    period: tuple[int, int],
    subscription: Object | None = None,
    auto_advance: bool = True,
    more: dict[str, Any] | None = None,
) -> Object:
    """A draft, saved and announced by `invoice.created`."""
    parent = None
    if subscription is not None:
        details = {"metadata": subscription["metadata"], "subscription": subscription["id"]}
        parent = {"type": "subscription_details", "quote_details": None, "subscription_details": details}
    invoice = work.new(
        "invoice",
        "in",
        _blank_invoice()
        | {
            "account_country": work.account["country"],
            "account_name": work.account["settings"]["dashboard"]["display_name"],
            "auto_advance": auto_advance,
            "billing_reason": billing_reason,
            "currency": currency,
            "customer": customer["id"],
            "customer_email": customer["email"],
            "customer_name": customer["name"],
            "parent": parent,
            "period_start": period[0],
            "period_end": period[1],
        }
        | (more or {}),
    )
    invoice["lines"] = {"object": "list", "data": [], "has_more": False, "url": f"/v1/invoices/{invoice['id']}/lines"}
    add_lines(work, invoice, lines)
    set_auto_advance(work, invoice, auto_advance)
    work.save(invoice)
    work.emit("invoice.created", invoice)
    return invoice


def add_lines(work: Work, invoice: Object, lines: list[Object]) -> None:
    """Put lines on a draft."""
    for line in lines:
        line["invoice"] = invoice["id"]
        invoice["lines"]["data"].append(line)
    total_up(work, invoice)


def total_up(work: Work, invoice: Object) -> None:
    """Totals from lines; before finalization the balance is only a forecast, as at Stripe."""
    total = sum(line["amount"] for line in invoice["lines"]["data"])
    invoice["lines"]["total_count"] = len(invoice["lines"]["data"])
    invoice["subtotal"] = invoice["subtotal_excluding_tax"] = total
    invoice["total"] = invoice["total_excluding_tax"] = total
    if invoice["status"] == "draft":
        customer = work.get(invoice["customer"])
        invoice["starting_balance"] = customer["balance"] if customer else 0
        invoice["amount_due"] = max(0, total + invoice["starting_balance"])
    invoice["amount_remaining"] = invoice["amount_due"] - invoice["amount_paid"]


def refresh_draft(work: Work, invoice: Object) -> Object:
    """While an invoice is a draft, usage stamped inside its period is still added."""
    old = invoice["lines"]["data"]
    usages = {line["_metered"]["item"]: line["_metered"] for line in old if "_metered" in line}
    if invoice["status"] != "draft" or not usages:
        return invoice
    lines: list[Object] = []
    for line in old:
        usage = line.get("_metered")
        if usage is None:
            lines.append(line)
        elif usage["item"] in usages:
            mine = [one for one in old if one.get("_metered", {}).get("item") == usage["item"]]
            fresh = _lines_of_usage(work, usages.pop(usage["item"]))
            lines += [new | {"id": known["id"]} for new, known in zip(fresh, mine, strict=False)] + fresh[len(mine) :]
    if [(line["amount"], line["quantity"]) for line in lines] != [(line["amount"], line["quantity"]) for line in old]:
        invoice["lines"]["data"] = []
        add_lines(work, invoice, lines)
        work.save(invoice)
    return invoice


def set_auto_advance(work: Work, invoice: Object, on: bool) -> None:
    """Switch automatic finalization and collection; switched on after its hour has passed, it happens at once."""
    invoice["auto_advance"] = on
    invoice["_due_at"] = None
    invoice["automatically_finalizes_at"] = None
    if not on:
        return
    if invoice["status"] == "draft":
        at = max(invoice["created"] + work.config.finalization_grace_seconds, work.second)
        invoice["automatically_finalizes_at"] = invoice["_due_at"] = at
    elif invoice["status"] == "open":
        invoice["_due_at"] = invoice["next_payment_attempt"] = work.second


def finalize(work: Work, invoice: Object) -> None:
    """Draft to open: number, balance, minimum charge. An invoice that asks for nothing is paid at once."""
    if invoice["status"] != "draft":
        raise invalid(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    refresh_draft(work, invoice)
    customer = work.require("customer", invoice["customer"])
    due = invoice["total"] + customer["balance"]
    minimum = MINIMUM_CHARGE.get(invoice["currency"], 0)
    # What cannot be charged exactly stays on the balance, as the documentation says of isk and ugx.
    charged = to_step(due, invoice["currency"]) if due >= minimum else 0
    invoice["starting_balance"], invoice["ending_balance"] = customer["balance"], due - charged
    if customer["balance"] != due - charged:
        customer["balance"] = due - charged
        work.save(customer)
        work.emit("customer.updated", customer)
    customer["next_invoice_sequence"] += 1
    work.save(customer)
    url = f"{work.config.public_url}/i/{work.account_id}/{invoice['id']}"
    invoice |= {
        "status": "open",
        "amount_due": charged,
        "amount_remaining": charged,
        "number": f"{customer['invoice_prefix']}-{customer['next_invoice_sequence'] - 1:04d}",
        "effective_at": work.second,
        "automatically_finalizes_at": None,
        "hosted_invoice_url": url,
        "invoice_pdf": f"{url}/pdf",
        "_due_at": None,
    }
    invoice["status_transitions"]["finalized_at"] = work.second
    work.save(invoice)
    work.emit("invoice.finalized", invoice)


def new_invoice_prefix() -> str:
    """What the numbers of a customer's invoices begin with."""
    return random_text(8).upper()
