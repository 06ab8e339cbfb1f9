"""Meter events and their adjustments."""

from typing import Any

from stripe_double.engine.usage import DAY_SECONDS, add_event, is_taken
from stripe_double.errors import StripeError, invalid
from stripe_double.ids import new_id
from stripe_double.request.operations import Operation
from stripe_double.store import Object
from stripe_double.work import Work

OLDEST_SECONDS = 35 * DAY_SECONDS
FUTURE_SECONDS = 300


def _create(work: Work, params: dict[str, Any]) -> Object:
    timestamp = params.get("timestamp", work.second)
    if timestamp < work.now - OLDEST_SECONDS:
        message = "The event timestamp cannot be more than 35 days in past. Please use a more recent timestamp."
        raise invalid(message, "timestamp", "timestamp_too_far_in_past")
    if timestamp > work.now + FUTURE_SECONDS:
        message = "The event timestamp cannot be more than 5 minutes in the future."
        raise invalid(message, "timestamp", "timestamp_in_future")
    identifier = params.get("identifier") or new_id("mtrevt")
    if is_taken(work, identifier):
        raise StripeError(
            400,
            f"An event already exists with identifier {identifier}.",
            headers={"Stripe-Should-Retry": "false"},
        )
    add_event(work, params["event_name"], params["payload"], identifier, timestamp)
    return {
        "object": "billing.meter_event",
        "created": work.second,
        "event_name": params["event_name"],
        "identifier": identifier,
        "livemode": False,
        "payload": params["payload"],
        "timestamp": timestamp,
    }


def _adjust(work: Work, params: dict[str, Any]) -> Object:
    identifier = params.get("cancel", {}).get("identifier")
    if not identifier:
        raise invalid("Missing required param: cancel[identifier].", "cancel[identifier]", "parameter_missing")
    row = work.store.db.execute(
        "SELECT seq, canceled FROM meter_events WHERE account = ? AND event_name = ? AND identifier = ?"
        " AND received_at > ? ORDER BY seq DESC LIMIT 1",
        (work.account_id, params["event_name"], identifier, work.now - DAY_SECONDS),
    ).fetchone()
    if row is None:
        raise invalid(f"No event of the last 24 hours has the identifier {identifier}.", "cancel[identifier]")
    if row["canceled"]:
        raise invalid(f"The event with identifier {identifier} was already canceled.", "cancel[identifier]")
    work.store.db.execute("UPDATE meter_events SET canceled = 1 WHERE seq = ?", (row["seq"],))
    return {
        "object": "billing.meter_event_adjustment",
        "cancel": {"identifier": identifier},
        "event_name": params["event_name"],
        "livemode": False,
        "status": "pending",
        "type": "cancel",
    }


OPERATIONS = (
    Operation(
        "POST",
        "/v1/billing/meter_events",
        "billing._meter_event_create_params.MeterEventCreateParams",
        _create,
        "event_name identifier payload timestamp",
    ),
    Operation(
        "POST",
        "/v1/billing/meter_event_adjustments",
        "billing._meter_event_adjustment_create_params.MeterEventAdjustmentCreateParams",
        _adjust,
        "cancel event_name type",
    ),
)
