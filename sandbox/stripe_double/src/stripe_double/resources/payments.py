"""Payment intents and charges of paid invoices, and refunds of them."""

from typing import Any

from stripe_double.errors import invalid, missing_parameter
from stripe_double.request.operations import LIST, Operation
from stripe_double.request.paging import page
from stripe_double.store import Object
from stripe_double.work import Work, merge_metadata


def _intent(work: Work, _: dict[str, Any], intent_id: str) -> Object:
    return work.require("payment_intent", intent_id)


def _charge(work: Work, _: dict[str, Any], charge_id: str) -> Object:
    return work.require("charge", charge_id)


def _refund(work: Work, params: dict[str, Any]) -> Object:
    if params.get("payment_intent"):
        intent = work.require("payment_intent", params["payment_intent"], "payment_intent")
        charge = work.require("charge", intent["latest_charge"])
    elif params.get("charge"):
        charge = work.require("charge", params["charge"], "charge")
    else:
        raise missing_parameter("payment_intent")
    left = charge["amount"] - charge["amount_refunded"]
    amount = params.get("amount", left)
    if left == 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if not 0 < amount <= left:
        raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", "amount")
    refund = work.new(
        "refund",
        "re",
        {
            "amount": amount,
            "charge": charge["id"],
            "currency": charge["currency"],
            "payment_intent": charge["payment_intent"],
            "reason": params.get("reason"),
            "receipt_number": None,
            "status": "succeeded",
        },
    )
    merge_metadata(refund, params.get("metadata"))
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    work.save(charge)
    work.save(refund)
    work.emit("refund.created", refund)
    work.emit("charge.refunded", charge)
    return refund


def _retrieve_refund(work: Work, _: dict[str, Any], refund_id: str) -> Object:
    return work.require("refund", refund_id)


def _list_refunds(work: Work, params: dict[str, Any]) -> Object:
    found = (
        refund
        for refund in work.of_kind("refund")
        if params.get("payment_intent") in (None, refund["payment_intent"])
        and params.get("charge") in (None, refund["charge"])
    )
    return page(work, "/v1/refunds", found, params)


OPERATIONS = (
    Operation(
        "GET", "/v1/payment_intents/{id}", "_payment_intent_retrieve_params.PaymentIntentRetrieveParams", _intent
    ),
    Operation("GET", "/v1/charges/{id}", "_charge_retrieve_params.ChargeRetrieveParams", _charge),
    Operation(
        "POST",
        "/v1/refunds",
        "_refund_create_params.RefundCreateParams",
        _refund,
        "amount charge metadata payment_intent reason",
    ),
    Operation(
        "GET", "/v1/refunds", "_refund_list_params.RefundListParams", _list_refunds, f"{LIST} charge payment_intent"
    ),
    Operation("GET", "/v1/refunds/{id}", "_refund_retrieve_params.RefundRetrieveParams", _retrieve_refund),
)
