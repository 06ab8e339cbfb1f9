"""Events, as they can be read again for 30 days at Stripe (here: for ever)."""

from typing import Any

from stripe_double.request.operations import LIST, Operation, within
from stripe_double.request.paging import page
from stripe_double.store import Object
from stripe_double.work import Work


def _retrieve(work: Work, _: dict[str, Any], event_id: str) -> Object:
    return work.require("event", event_id)


def _matches(kind: str, wanted: str) -> bool:
    return kind == wanted or (wanted.endswith("*") and kind.startswith(wanted[:-1]))


def _list(work: Work, params: dict[str, Any]) -> Object:
    wanted = params.get("types") or ([params["type"]] if "type" in params else ["*"])
    found = (
        event
        for event in work.of_kind("event")
        if any(_matches(event["type"], kind) for kind in wanted) and within(event["created"], params.get("created"))
    )
    return page(work, "/v1/events", found, params)


OPERATIONS = (
    Operation("GET", "/v1/events", "_event_list_params.EventListParams", _list, f"{LIST} created type types"),
    Operation("GET", "/v1/events/{id}", "_event_retrieve_params.EventRetrieveParams", _retrieve),
)
