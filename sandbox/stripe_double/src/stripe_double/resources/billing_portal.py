"""Billing portal sessions: the customer's own page at Stripe (`pages.portal`)."""

from typing import Any

from stripe_double.errors import missing_parameter
from stripe_double.ids import random_text
from stripe_double.request.operations import Operation
from stripe_double.store import Object
from stripe_double.work import Work

LIFETIME_SECONDS = 3600


def _create(work: Work, params: dict[str, Any]) -> Object:
    if not params.get("customer"):
        raise missing_parameter("customer")
    customer = work.require("customer", params["customer"], "customer")
    session = work.new("billing_portal.session", "bps", {}, with_metadata=False)
    return work.save(
        session
        | {
            "configuration": "bpc_default",
            "customer": customer["id"],
            "flow": None,
            "locale": params.get("locale"),
            "on_behalf_of": None,
            "return_url": params.get("return_url"),
            "url": f"{work.config.public_url}/p/session/{session['id']}?key={(key := random_text(24))}",
            "_key": key,
            "_expires_at": work.second + LIFETIME_SECONDS,
        }
    )


OPERATIONS = (
    Operation(
        "POST",
        "/v1/billing_portal/sessions",
        "billing_portal._session_create_params.SessionCreateParams",
        _create,
        "customer locale return_url",
    ),
)
