"""Subscriptions."""

import copy
from typing import Any

from stripe_double.engine import subscriptions as engine
from stripe_double.errors import invalid, missing_parameter, no_such
from stripe_double.request.operations import LIST, Operation, within
from stripe_double.request.paging import page
from stripe_double.resources.line_items import checked_items
from stripe_double.store import Object
from stripe_double.work import Work, merge_metadata

DAY_SECONDS = 86_400


def _create(work: Work, params: dict[str, Any]) -> Object:
    if not params.get("customer"):
        raise missing_parameter("customer")
    customer = work.require("customer", params["customer"], "customer")
    items = checked_items(work, params.get("items", []), "items", quantity_needed=False)
    method = params.get("default_payment_method")
    if method:
        work.require("payment_method", method, "default_payment_method")
    elif not customer.get("invoice_settings", {}).get("default_payment_method"):
        raise invalid(
            "This customer has no attached payment source or default payment method. Please consider adding a default"
            " payment method.",
            code="resource_missing",
        )
    trial_end = params.get("trial_end")
    if params.get("trial_period_days"):
        trial_end = work.second + params["trial_period_days"] * DAY_SECONDS
    subscription = engine.new_subscription(
        work,
        customer,
        items,
        {
            "default_payment_method": method,
            "description": params.get("description"),
            "trial_end": None if trial_end == "now" else trial_end,
            "cancel_at_period_end": params.get("cancel_at_period_end", False),
        },
    )
    merge_metadata(subscription, params.get("metadata"))
    engine.start(work, subscription, must_pay=params.get("payment_behavior") == "error_if_incomplete")
    return subscription


def _retrieve(work: Work, _: dict[str, Any], subscription_id: str) -> Object:
    return work.require("subscription", subscription_id)


def _list(work: Work, params: dict[str, Any]) -> Object:
    wanted = params.get("status")
    ended = ("canceled", "incomplete_expired")

    def matches(subscription: Object) -> bool:
        status = subscription["status"]
        if wanted not in ("all", "ended", status) and not (wanted is None and status != "canceled"):
            return False
        if wanted == "ended" and status not in ended:
            return False
        prices = [item["price"]["id"] for item in subscription["items"]["data"]]
        return (params.get("price") is None or params["price"] in prices) and within(
            subscription["created"], params.get("created")
        )

    found = filter(matches, work.of_kind("subscription", params.get("customer")))
    return page(work, "/v1/subscriptions", found, params)


def _live(work: Work, subscription_id: str) -> Object:
    subscription = work.require("subscription", subscription_id)
    if subscription["status"] in ("canceled", "incomplete_expired"):
        raise no_such("subscription", subscription_id, None)
    return subscription


def _update(work: Work, params: dict[str, Any], subscription_id: str) -> Object:
    subscription = work.require("subscription", subscription_id)
    if subscription["status"] == "canceled" and params.keys() - {"metadata", "cancellation_details", "expand"}:
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.")
    before = copy.deepcopy(subscription)
    _schedule_end(work, subscription, params)
    if params.get("default_payment_method"):
        method = work.require("payment_method", params["default_payment_method"], "default_payment_method")
        subscription["default_payment_method"] = method["id"]
    if "description" in params:
        subscription["description"] = params["description"] or None
    subscription["cancellation_details"] |= params.get("cancellation_details", {})
    merge_metadata(subscription, params.get("metadata"))
    engine.schedule_next(subscription)
    work.save(subscription)
    work.emit_update("customer.subscription.updated", before, subscription)
    return subscription


def _schedule_end(work: Work, subscription: Object, params: dict[str, Any]) -> None:
    if "cancel_at_period_end" in params and "cancel_at" in params:
        raise invalid("You may only specify one of these parameters: cancel_at, cancel_at_period_end.", "cancel_at")
    if "cancel_at" in params:
        given = params["cancel_at"]
        if isinstance(given, str) and given != "":
            raise invalid("The Stripe double models timestamps only.", "cancel_at", "double_not_modelled")
        if given != "" and given <= work.second:
            raise invalid("cancel_at must be in the future.", "cancel_at")
        subscription["cancel_at"] = given or None
        subscription["canceled_at"] = work.second if given else None
    if "cancel_at_period_end" in params:
        on = params["cancel_at_period_end"]
        subscription["cancel_at_period_end"] = on
        subscription["cancel_at"] = engine.period(subscription)[1] if on else None
        subscription["canceled_at"] = work.second if on else None
        subscription["cancellation_details"]["reason"] = "cancellation_requested" if on else None


def _cancel(work: Work, params: dict[str, Any], subscription_id: str) -> Object:
    subscription = _live(work, subscription_id)
    engine.cancel_now(
        work,
        subscription,
        invoice_now=params.get("invoice_now", False),
        prorate=params.get("prorate", False),
        details=params.get("cancellation_details", {}),
    )
    return subscription


OPERATIONS = (
    Operation(
        "POST",
        "/v1/subscriptions",
        "_subscription_create_params.SubscriptionCreateParams",
        _create,
        "customer items metadata default_payment_method description trial_period_days trial_end cancel_at_period_end"
        " payment_behavior billing_mode off_session",
    ),
    Operation(
        "GET",
        "/v1/subscriptions",
        "_subscription_list_params.SubscriptionListParams",
        _list,
        f"{LIST} customer price status created",
    ),
    Operation("GET", "/v1/subscriptions/{id}", "_subscription_retrieve_params.SubscriptionRetrieveParams", _retrieve),
    Operation(
        "POST",
        "/v1/subscriptions/{id}",
        "_subscription_update_params.SubscriptionUpdateParams",
        _update,
        "cancel_at cancel_at_period_end cancellation_details default_payment_method description metadata"
        " proration_behavior",
    ),
    Operation(
        "DELETE",
        "/v1/subscriptions/{id}",
        "_subscription_cancel_params.SubscriptionCancelParams",
        _cancel,
        "cancellation_details invoice_now prorate",
    ),
)
