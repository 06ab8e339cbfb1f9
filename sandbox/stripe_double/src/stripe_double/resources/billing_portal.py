"""The customer portal: configurations, and sessions with their hosted page."""

import copy
from typing import Any

from stripe_double.errors import invalid, missing_parameter, not_modelled
from stripe_double.ids import random_text
from stripe_double.request.operations import LIST, Operation
from stripe_double.request.paging import page
from stripe_double.store import Object
from stripe_double.work import Work, merge_metadata

_MODELLED_FEATURES = ("customer_update", "invoice_history", "payment_method_update", "subscription_cancel")
_DASHBOARD = "https://dashboard.stripe.com/test/settings/billing/portal"
SESSION_SECONDS = 3600


def default_configuration(work: Work) -> Object:
    """What saving the portal's settings in the Dashboard makes."""
    known = next((one for one in work.of_kind(_CONFIGURATION) if one["is_default"]), None)
    everything: Object = {name: {"enabled": True} for name in _MODELLED_FEATURES}
    return known or _new(work, {"features": everything}, is_default=True)


_CONFIGURATION = "billing_portal.configuration"


def _features(given: Object) -> Object:
    for name in ("subscription_pause", "subscription_update"):
        if given.get(name, {}).get("enabled"):
            raise not_modelled(f"features[{name}]")
    cancel = given.get("subscription_cancel", {})
    return {
        "customer_update": {"allowed_updates": [], "enabled": False} | given.get("customer_update", {}),
        "invoice_history": {"enabled": False} | given.get("invoice_history", {}),
        "payment_method_update": {"enabled": False, "payment_method_configuration": None}
        | given.get("payment_method_update", {}),
        "subscription_cancel": {
            "cancellation_reason": {"enabled": False, "options": []},
            "enabled": False,
            "mode": "at_period_end",
            "proration_behavior": "none",
        }
        | cancel,
        "subscription_pause": {"enabled": False},
        "subscription_update": {
            "billing_cycle_anchor": "unchanged",
            "default_allowed_updates": [],
            "enabled": False,
            "proration_behavior": "none",
        },
    }


def _new(work: Work, params: dict[str, Any], *, is_default: bool = False) -> Object:
    configuration = work.new(
        _CONFIGURATION,
        "bpc",
        {
            "active": True,
            "application": None,
            "business_profile": {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None}
            | params.get("business_profile", {}),
            "default_return_url": params.get("default_return_url") or None,
            "features": _features(params["features"]),
            "is_default": is_default,
            "login_page": {"enabled": False, "url": None},
            "name": params.get("name") or None,
            "updated": work.second,
        },
    )
    merge_metadata(configuration, params.get("metadata"))
    work.save(configuration)
    work.emit("billing_portal.configuration.created", configuration)
    return configuration


def _create(work: Work, params: dict[str, Any]) -> Object:
    return _new(work, params)


def _retrieve(work: Work, _: dict[str, Any], configuration_id: str) -> Object:
    return work.require(_CONFIGURATION, configuration_id)


def _update(work: Work, params: dict[str, Any], configuration_id: str) -> Object:
    configuration = work.require(_CONFIGURATION, configuration_id)
    before = copy.deepcopy(configuration)
    for name in ("active", "default_return_url", "name"):
        if name in params:
            configuration[name] = params[name] if params[name] != "" else None
    configuration["business_profile"] |= params.get("business_profile", {})
    if "features" in params:
        configuration["features"] = _features(
            {name: configuration["features"][name] for name in _MODELLED_FEATURES} | params["features"]
        )
    merge_metadata(configuration, params.get("metadata"))
    configuration["updated"] = work.second
    work.save(configuration)
    work.emit_update("billing_portal.configuration.updated", before, configuration)
    return configuration


def _list(work: Work, params: dict[str, Any]) -> Object:
    found = (
        one
        for one in work.of_kind(_CONFIGURATION)
        if params.get("active") in (None, one["active"]) and params.get("is_default") in (None, one["is_default"])
    )
    return page(work, "/v1/billing_portal/configurations", found, params)


def _open(work: Work, params: dict[str, Any]) -> Object:
    if not params.get("customer"):
        raise missing_parameter("customer")
    customer = work.require("customer", params["customer"], "customer")
    if customer.get("deleted"):
        raise invalid(f"No such customer: '{customer['id']}'", "customer", "resource_missing")
    if params.get("configuration"):
        configuration = work.require(_CONFIGURATION, params["configuration"], "configuration")
    else:
        found = next((one for one in work.of_kind(_CONFIGURATION) if one["is_default"]), None)
        if found is None:
            raise invalid(
                "No configuration provided and your test mode default configuration has not been created. Provide a"
                f" configuration or create your default by saving your customer portal settings in test mode at"
                f" {_DASHBOARD}."
            )
        configuration = found
    if not configuration["active"]:
        raise invalid("This configuration is inactive.", "configuration")
    # The address alone lets somebody in: it is as long as a key, and lives an hour.
    session_id = "bps_1" + random_text(23)
    session = work.new(
        "billing_portal.session",
        "bps",
        {
            "id": session_id,
            "after_expiration": None,
            "configuration": configuration["id"],
            "customer": customer["id"],
            "customer_account": None,
            "flow": None,
            "locale": params.get("locale"),
            "on_behalf_of": None,
            "return_url": params.get("return_url") or configuration["default_return_url"],
            "_expires_at": work.second + SESSION_SECONDS,
        },
        with_metadata=False,
    )
    session["_secret"] = f"live_{random_text(40)}"
    session["url"] = f"{work.config.public_url}/p/session/{session_id}_{session['_secret']}"
    work.save(session)
    work.emit("billing_portal.session.created", session)
    return session


_PARAMS = "billing_portal._configuration"
_MODELLED = "business_profile default_return_url features metadata name"
OPERATIONS = (
    Operation(
        "POST", "/v1/billing_portal/configurations", f"{_PARAMS}_create_params.ConfigurationCreateParams", _create,
        _MODELLED,
    ),
    Operation(
        "GET", "/v1/billing_portal/configurations", f"{_PARAMS}_list_params.ConfigurationListParams", _list,
        f"{LIST} active is_default",
    ),
    Operation(
        "GET", "/v1/billing_portal/configurations/{id}", f"{_PARAMS}_retrieve_params.ConfigurationRetrieveParams",
        _retrieve,
    ),
    Operation(
        "POST", "/v1/billing_portal/configurations/{id}", f"{_PARAMS}_update_params.ConfigurationUpdateParams", _update,
        f"{_MODELLED} active",
    ),
    Operation(
        "POST", "/v1/billing_portal/sessions", "billing_portal._session_create_params.SessionCreateParams", _open,
        "configuration customer locale return_url",
    ),
)  # fmt: skip
