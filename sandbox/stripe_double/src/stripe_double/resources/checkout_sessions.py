"""Checkout sessions in subscription mode. What the hosted page does with them is in `engine.checkout`."""

from typing import Any

from stripe_double.engine.due import expire_session
from stripe_double.engine.rating import amount_for, charge_step
from stripe_double.errors import invalid, missing_parameter
from stripe_double.ids import new_id, random_text
from stripe_double.request.operations import LIST, Operation, within
from stripe_double.request.paging import page
from stripe_double.resources.line_items import checked_items
from stripe_double.store import Object
from stripe_double.work import Work, merge_metadata

_MODELLED_DATA = frozenset(("metadata", "description", "trial_period_days", "trial_end", "billing_mode"))
_EARLIEST_SECONDS, _LATEST_SECONDS = 30 * 60, 24 * 3600


def _expires_at(work: Work, params: dict[str, Any]) -> int:
    at: int = params.get("expires_at", work.second + _LATEST_SECONDS)
    # A second or so of leeway, as the caller computed it before the request arrived.
    if not work.second + _EARLIEST_SECONDS - 5 <= at <= work.second + _LATEST_SECONDS + 5:
        raise invalid(
            "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from Checkout Session"
            " creation.",
            "expires_at",
        )
    return at


def _check(work: Work, params: dict[str, Any]) -> None:
    if not params.get("mode"):
        raise missing_parameter("mode")
    if params["mode"] != "subscription":
        raise invalid("The Stripe double models `mode=subscription` only.", "mode", "double_not_modelled")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise invalid("The Stripe double models `ui_mode=hosted_page` only.", "ui_mode", "double_not_modelled")
    if not params.get("success_url"):
        raise missing_parameter("success_url")
    unknown = params.get("subscription_data", {}).keys() - _MODELLED_DATA
    if unknown:
        field = f"subscription_data[{sorted(unknown)[0]}]"
        raise invalid(f"The Stripe double does not model {field}.", field, "double_not_modelled")
    if "customer" in params and "customer_email" in params:
        raise invalid("You may only specify one of these parameters: customer, customer_email.", "customer")
    if not work.account["charges_enabled"]:
        raise invalid("Your account cannot currently make charges. Complete its requirements in the Dashboard.")


def _line_item(item: Object) -> Object:
    price = item["price"]
    amount = amount_for(price, item["quantity"]) if "quantity" in item else 0
    line: Object = {
        "id": new_id("li"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": price["nickname"],
        "metadata": {},
        "price": price,
        "quantity": item.get("quantity"),
    }
    return line


def _check_chargeable(total: int, currency: str) -> None:
    step = charge_step(currency)
    if total % step:
        raise invalid(
            f"Invalid amount. Currency {currency.upper()} charged amounts must be evenly divisible by {step}. See"
            " https://docs.stripe.com/currencies#special-cases for more information."
        )


def _create(work: Work, params: dict[str, Any]) -> Object:
    _check(work, params)
    if "customer" in params and work.require("customer", params["customer"], "customer").get("deleted"):
        raise invalid(f"No such customer: '{params['customer']}'", "customer", "resource_missing")
    items = checked_items(work, params.get("line_items", []), "line_items", quantity_needed=True)
    expires_at = _expires_at(work, params)
    session_id = "cs_test_" + random_text(58)
    lines = [_line_item(item) for item in items]
    data = params.get("subscription_data", {})
    trial = "trial_period_days" in data or "trial_end" in data
    total = 0 if trial else sum(line["amount_total"] for line in lines)
    _check_chargeable(total, items[0]["price"]["currency"])
    session = work.new(
        "checkout.session",
        "cs",
        {
            "id": session_id,
            "amount_subtotal": total,
            "amount_total": total,
            "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
            "cancel_url": params.get("cancel_url"),
            "client_reference_id": params.get("client_reference_id"),
            "currency": items[0]["price"]["currency"],
            "custom_fields": [],
            "customer": params.get("customer"),
            "customer_details": None,
            "customer_email": params.get("customer_email"),
            "expires_at": expires_at,
            "invoice": None,
            "locale": params.get("locale"),
            "mode": "subscription",
            "payment_intent": None,
            "payment_method_collection": params.get("payment_method_collection", "always"),
            "payment_method_types": ["card"],
            "payment_status": "unpaid",
            "setup_intent": None,
            "shipping_options": [],
            "status": "open",
            "subscription": None,
            "success_url": params["success_url"],
            "ui_mode": "hosted_page",
            "url": f"{work.config.public_url}/c/pay/{session_id}",
            "_items": items,
            "_line_items": {
                "object": "list",
                "data": lines,
                "has_more": False,
                "url": f"/v1/checkout/sessions/{session_id}/line_items",
            },
            "_subscription_data": data,
            "_due_at": expires_at,
        },
    )
    merge_metadata(session, params.get("metadata"))
    return work.save(session)


def _retrieve(work: Work, _: dict[str, Any], session_id: str) -> Object:
    return work.require("checkout.session", session_id)


def _expire(work: Work, _: dict[str, Any], session_id: str) -> Object:
    session = work.require("checkout.session", session_id)
    if session["status"] != "open":
        raise invalid(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of'
            f" `{session['status']}`."
        )
    expire_session(work, session)
    return session


def _list(work: Work, params: dict[str, Any]) -> Object:
    found = (
        session
        for session in work.of_kind("checkout.session", params.get("customer"))
        if params.get("status") in (None, session["status"])
        and params.get("subscription") in (None, session["subscription"])
        and within(session["created"], params.get("created"))
    )
    return page(work, "/v1/checkout/sessions", found, params)


def _line_items(work: Work, params: dict[str, Any], session_id: str) -> Object:
    session = work.require("checkout.session", session_id)
    return page(work, session["_line_items"]["url"], session["_line_items"]["data"], params)


OPERATIONS = (
    Operation(
        "POST",
        "/v1/checkout/sessions",
        "checkout._session_create_params.SessionCreateParams",
        _create,
        "cancel_url client_reference_id customer customer_email customer_update expires_at line_items locale metadata"
        " mode payment_method_collection subscription_data success_url ui_mode allowed_payment_method_types",
    ),
    Operation(
        "GET",
        "/v1/checkout/sessions",
        "checkout._session_list_params.SessionListParams",
        _list,
        f"{LIST} created customer status subscription",
    ),
    Operation(
        "GET", "/v1/checkout/sessions/{id}", "checkout._session_retrieve_params.SessionRetrieveParams", _retrieve
    ),
    Operation(
        "POST", "/v1/checkout/sessions/{id}/expire", "checkout._session_expire_params.SessionExpireParams", _expire
    ),
    Operation(
        "GET",
        "/v1/checkout/sessions/{id}/line_items",
        "checkout._session_line_item_list_params.SessionLineItemListParams",
        _line_items,
        LIST,
    ),
)
