"""Webhook endpoints. The signing secret is shown once, when the endpoint is made."""

import copy
from typing import Any
from urllib.parse import urlsplit

from stripe_double.config import API_VERSION
from stripe_double.errors import invalid
from stripe_double.ids import random_text
from stripe_double.request.operations import LIST, Operation
from stripe_double.request.paging import page
from stripe_double.store import Object
from stripe_double.work import Work, merge_metadata

MOST_ENDPOINTS = 16


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise invalid("Invalid URL: An explicit scheme (such as https) must be provided.", "url", "url_invalid")
    return url


def _create(work: Work, params: dict[str, Any]) -> Object:
    if not params["enabled_events"]:
        raise invalid("Missing required param: enabled_events.", "enabled_events", "parameter_missing")
    if sum(1 for _ in work.of_kind("webhook_endpoint")) >= MOST_ENDPOINTS:
        raise invalid(f"You have reached the maximum of {MOST_ENDPOINTS} test webhook endpoints.")
    if params.get("api_version", API_VERSION) != API_VERSION:
        raise invalid(f"The Stripe double speaks {API_VERSION} only.", "api_version", "double_not_modelled")
    endpoint = work.new(
        "webhook_endpoint",
        "we",
        {
            "api_version": params.get("api_version"),
            "application": None,
            "description": params.get("description"),
            "enabled_events": params["enabled_events"],
            "status": "enabled",
            "url": _checked_url(params["url"]),
            "_secret": f"whsec_{random_text(32)}",
        },
    )
    merge_metadata(endpoint, params.get("metadata"))
    work.save(endpoint)
    return endpoint | {"secret": endpoint["_secret"]}


def _retrieve(work: Work, _: dict[str, Any], endpoint_id: str) -> Object:
    return work.require("webhook_endpoint", endpoint_id)


def _update(work: Work, params: dict[str, Any], endpoint_id: str) -> Object:
    endpoint = copy.deepcopy(work.require("webhook_endpoint", endpoint_id))
    if "url" in params:
        endpoint["url"] = _checked_url(params["url"])
    if "enabled_events" in params:
        endpoint["enabled_events"] = params["enabled_events"]
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    if "description" in params:
        endpoint["description"] = params["description"] or None
    merge_metadata(endpoint, params.get("metadata"))
    return work.save(endpoint)


def _delete(work: Work, _: dict[str, Any], endpoint_id: str) -> Object:
    work.require("webhook_endpoint", endpoint_id)
    work.store.delete(work.account_id, endpoint_id)
    return {"id": endpoint_id, "object": "webhook_endpoint", "deleted": True}


def _list(work: Work, params: dict[str, Any]) -> Object:
    return page(work, "/v1/webhook_endpoints", work.of_kind("webhook_endpoint"), params)


OPERATIONS = (
    Operation(
        "POST",
        "/v1/webhook_endpoints",
        "_webhook_endpoint_create_params.WebhookEndpointCreateParams",
        _create,
        "api_version description enabled_events metadata url",
    ),
    Operation("GET", "/v1/webhook_endpoints", "_webhook_endpoint_list_params.WebhookEndpointListParams", _list, LIST),
    Operation(
        "GET",
        "/v1/webhook_endpoints/{id}",
        "_webhook_endpoint_retrieve_params.WebhookEndpointRetrieveParams",
        _retrieve,
    ),
    Operation(
        "POST",
        "/v1/webhook_endpoints/{id}",
        "_webhook_endpoint_update_params.WebhookEndpointUpdateParams",
        _update,
        "description disabled enabled_events metadata url",
    ),
    Operation(
        "DELETE",
        "/v1/webhook_endpoints/{id}",
        "_webhook_endpoint_delete_params.WebhookEndpointDeleteParams",
        _delete,
    ),
)
