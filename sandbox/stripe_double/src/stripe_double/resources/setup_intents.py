"""Setup intents: enough to prove that a secret and a publishable key belong to one account."""

import hmac
from typing import Any

from stripe_double.errors import invalid, missing_parameter, no_such
from stripe_double.ids import random_text
from stripe_double.request.operations import Operation
from stripe_double.store import Object
from stripe_double.work import Work, merge_metadata


def _create(work: Work, params: dict[str, Any]) -> Object:
    if params.get("customer"):
        work.require("customer", params["customer"], "customer")
    intent = work.new(
        "setup_intent",
        "seti",
        {
            "cancellation_reason": None,
            "customer": params.get("customer"),
            "description": params.get("description"),
            "last_setup_error": None,
            "next_action": None,
            "payment_method": None,
            "payment_method_types": ["card"],
            "status": "requires_payment_method",
            "usage": params.get("usage", "off_session"),
        },
    )
    intent["client_secret"] = f"{intent['id']}_secret_{random_text(25)}"
    merge_metadata(intent, params.get("metadata"))
    work.save(intent)
    work.emit("setup_intent.created", intent)
    return intent


def _retrieve(work: Work, params: dict[str, Any], intent_id: str) -> Object:
    secret = params.get("client_secret")
    if work.publishable and secret is None:
        raise missing_parameter("client_secret")
    intent = work.require("setup_intent", intent_id)
    if secret is not None and not hmac.compare_digest(secret, intent["client_secret"]):
        raise no_such("setupintent", intent_id, "intent")
    return intent


def _cancel(work: Work, params: dict[str, Any], intent_id: str) -> Object:
    intent = work.require("setup_intent", intent_id)
    if intent["status"] not in ("requires_payment_method", "requires_confirmation", "requires_action"):
        message = f"You cannot cancel this SetupIntent because it has a status of {intent['status']}."
        raise invalid(message, code="setup_intent_unexpected_state")
    intent |= {"status": "canceled", "cancellation_reason": params.get("cancellation_reason")}
    work.save(intent)
    work.emit("setup_intent.canceled", intent)
    return intent


OPERATIONS = (
    Operation(
        "POST",
        "/v1/setup_intents",
        "_setup_intent_create_params.SetupIntentCreateParams",
        _create,
        "customer description metadata usage",
    ),
    Operation(
        "GET",
        "/v1/setup_intents/{intent}",
        "_setup_intent_retrieve_params.SetupIntentRetrieveParams",
        _retrieve,
        "client_secret",
        publishable=True,
    ),
    Operation(
        "POST",
        "/v1/setup_intents/{intent}/cancel",
        "_setup_intent_cancel_params.SetupIntentCancelParams",
        _cancel,
        "cancellation_reason",
    ),
)
