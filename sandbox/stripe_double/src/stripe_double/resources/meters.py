"""Billing meters and their summaries."""

import copy
from typing import Any

from stripe_double.engine.usage import find_meter, usage_between
from stripe_double.errors import invalid
from stripe_double.ids import new_id
from stripe_double.request.operations import LIST, Operation
from stripe_double.request.paging import page
from stripe_double.store import Object
from stripe_double.work import Work

_GROUPING_SECONDS = {"hour": 3600, "day": 86_400}


def _create(work: Work, params: dict[str, Any]) -> Object:
    name = params["event_name"]
    if not name:
        raise invalid("You passed an empty string for 'event_name'.", "event_name", "parameter_invalid_empty")
    if find_meter(work, name) is not None:
        # The name stays taken for ever: deactivating a meter does not free it.
        raise invalid(f"There is already a meter with the event name {name}.", "event_name", "resource_already_exists")
    mapping = params.get("customer_mapping") or {"event_payload_key": "stripe_customer_id", "type": "by_id"}
    meter = work.new(
        "billing.meter",
        "mtr_test",
        {
            "customer_mapping": mapping,
            "default_aggregation": params["default_aggregation"],
            "display_name": params["display_name"],
            "event_name": name,
            "event_time_window": None,
            "status": "active",
            "status_transitions": {"deactivated_at": None},
            "updated": work.second,
            "value_settings": params.get("value_settings") or {"event_payload_key": "value"},
        },
        with_metadata=False,
    )
    work.save(meter)
    work.emit("billing.meter.created", meter)
    return meter


def _retrieve(work: Work, _: dict[str, Any], meter_id: str) -> Object:
    return work.require("billing.meter", meter_id)


def _update(work: Work, params: dict[str, Any], meter_id: str) -> Object:
    meter = work.require("billing.meter", meter_id)
    before = copy.deepcopy(meter)
    meter |= {"display_name": params.get("display_name", meter["display_name"]), "updated": work.second}
    work.save(meter)
    work.emit_update("billing.meter.updated", before, meter)
    return meter


def _list(work: Work, params: dict[str, Any]) -> Object:
    found = (m for m in work.of_kind("billing.meter") if params.get("status") in (None, m["status"]))
    return page(work, "/v1/billing/meters", found, params)


def _deactivate(work: Work, _: dict[str, Any], meter_id: str) -> Object:
    meter = work.require("billing.meter", meter_id)
    if meter["status"] == "inactive":
        raise invalid("This meter is already deactivated.", code="archived_meter")
    meter |= {"status": "inactive", "status_transitions": {"deactivated_at": work.second}, "updated": work.second}
    work.save(meter)
    work.emit("billing.meter.deactivated", meter)
    return meter


def _reactivate(work: Work, _: dict[str, Any], meter_id: str) -> Object:
    meter = work.require("billing.meter", meter_id)
    if meter["status"] == "active":
        raise invalid("This meter is already active.")
    meter |= {"status": "active", "status_transitions": {"deactivated_at": None}, "updated": work.second}
    work.save(meter)
    work.emit("billing.meter.reactivated", meter)
    return meter


def _summaries(work: Work, params: dict[str, Any], meter_id: str) -> Object:
    meter = work.require("billing.meter", meter_id)
    work.require("customer", params["customer"], "customer")
    grouping = params.get("value_grouping_window")
    unit, word = (60, "minute") if grouping is None else (_GROUPING_SECONDS[grouping], grouping)
    start, end = params["start_time"], params["end_time"]
    for name, at in (("start_time", start), ("end_time", end)):
        if at % unit:
            raise invalid(f"{name} must be aligned with {word} boundaries. Received {at}.", name)
    if end <= start:
        raise invalid("end_time must be after start_time.", "end_time")
    step = end - start if grouping is None else unit
    summaries = [
        {
            "id": new_id("mtrusg_test"),
            "object": "billing.meter_event_summary",
            # A float, as Stripe's is.
            "aggregated_value": float(usage_between(work, meter, params["customer"], at, at + step)),
            "end_time": at + step,
            "livemode": False,
            "meter": meter_id,
            "start_time": at,
        }
        for at in range(start, end, step)
    ]
    return page(work, f"/v1/billing/meters/{meter_id}/event_summaries", reversed(summaries), params)


OPERATIONS = (
    Operation(
        "POST",
        "/v1/billing/meters",
        "billing._meter_create_params.MeterCreateParams",
        _create,
        "customer_mapping default_aggregation display_name event_name value_settings",
    ),
    Operation("GET", "/v1/billing/meters", "billing._meter_list_params.MeterListParams", _list, f"{LIST} status"),
    Operation("GET", "/v1/billing/meters/{id}", "billing._meter_retrieve_params.MeterRetrieveParams", _retrieve),
    Operation(
        "POST", "/v1/billing/meters/{id}", "billing._meter_update_params.MeterUpdateParams", _update, "display_name"
    ),
    Operation(
        "POST",
        "/v1/billing/meters/{id}/deactivate",
        "billing._meter_deactivate_params.MeterDeactivateParams",
        _deactivate,
    ),
    Operation(
        "POST",
        "/v1/billing/meters/{id}/reactivate",
        "billing._meter_reactivate_params.MeterReactivateParams",
        _reactivate,
    ),
    Operation(
        "GET",
        "/v1/billing/meters/{id}/event_summaries",
        "billing._meter_event_summary_list_params.MeterEventSummaryListParams",
        _summaries,
        f"{LIST} customer start_time end_time value_grouping_window",
    ),
)
