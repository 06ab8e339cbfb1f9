"""Meter events: taken in at once, judged and added up later, as Stripe does."""

import json
import re
from decimal import Decimal

from stripe_double.ids import new_id
from stripe_double.store import Object
from stripe_double.work import Work

DAY_SECONDS = 86_400
_VALUE = re.compile(r"-?\d+(\.\d{1,12})?")
_DIGITS = 15


def judge(work: Work, event_name: str, payload: Object) -> tuple[str | None, str | None, str | None]:
    """Customer, value and the reason for a later rejection (Stripe's error codes), if there is one."""
    meter = find_meter(work, event_name)
    if meter is None:
        return None, None, "no_meter"
    customer = payload.get(meter["customer_mapping"]["event_payload_key"])
    if not customer:
        return None, None, "meter_event_no_customer_defined"
    value = payload.get(meter["value_settings"]["event_payload_key"])
    counted = meter["default_aggregation"]["formula"] == "count"
    reason = None
    known = work.get(customer)
    if meter["status"] != "active":
        reason = "archived_meter"
    elif known is None or known["object"] != "customer" or known.get("deleted"):
        reason = "meter_event_customer_not_found"
    elif not counted and (value is None or not _VALUE.fullmatch(value)):
        reason = "meter_event_invalid_value"
    elif value is not None and not counted and len(value.lstrip("-").replace(".", "")) > _DIGITS:
        reason = "meter_event_value_too_many_digits"
    return customer, value, reason


def find_meter(work: Work, event_name: str) -> Object | None:
    """The meter of an event name: there is never more than one."""
    return next((meter for meter in work.of_kind("billing.meter") if meter["event_name"] == event_name), None)


def is_taken(work: Work, identifier: str) -> bool:
    """Whether an event of the last 24 hours has this identifier. After that Stripe counts it again."""
    row = work.store.db.execute(
        "SELECT 1 FROM meter_events WHERE account = ? AND identifier = ? AND received_at > ? LIMIT 1",
        (work.account_id, identifier, work.now - DAY_SECONDS),
    ).fetchone()
    return row is not None


def add_event(work: Work, event_name: str, payload: Object, identifier: str, timestamp: int) -> None:
    """Keep an event; a rejected one is reported later by a thin event, as its sender got a 2xx."""
    customer, value, reason = judge(work, event_name, payload)
    work.store.db.execute(
        "INSERT INTO meter_events (account, event_name, identifier, customer, value, timestamp, received_at, rejected,"
        " reported, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            work.account_id,
            event_name,
            identifier,
            customer,
            value,
            timestamp,
            work.now,
            reason,
            reason is None,
            json.dumps(payload),
        ),
    )


def usage_between(work: Work, meter: Object, customer: str, start: int, end: int) -> Decimal:
    """The aggregate of [start, end), of the events that aggregation has seen by now. Never below zero."""
    rows = work.store.db.execute(
        "SELECT value FROM meter_events WHERE account = ? AND event_name = ? AND customer = ? AND rejected IS NULL"
        " AND canceled = 0 AND timestamp >= ? AND timestamp < ? AND received_at <= ? ORDER BY timestamp, seq",
        (
            work.account_id,
            meter["event_name"],
            customer,
            start,
            end,
            work.now - work.config.aggregation_lag_seconds,
        ),
    ).fetchall()
    formula = meter["default_aggregation"]["formula"]
    if formula == "count":
        return Decimal(len(rows))
    values = [Decimal(row["value"]) for row in rows]
    total = (values[-1] if values else Decimal(0)) if formula == "last" else sum(values, Decimal(0))
    return max(Decimal(0), total)


def report_rejections(work: Work) -> int:
    """The thin events of rejected meter events that aggregation has come to by now."""
    rows = work.store.db.execute(
        "SELECT seq, event_name, identifier, rejected, payload FROM meter_events"
        " WHERE account = ? AND reported = 0 AND received_at <= ? ORDER BY seq LIMIT 100",
        (work.account_id, work.now - work.config.aggregation_lag_seconds),
    ).fetchall()
    for row in rows:
        work.save(_thin_event(work, row["event_name"], row["identifier"], row["rejected"]))
        work.store.db.execute("UPDATE meter_events SET reported = 1 WHERE seq = ?", (row["seq"],))
    return len(rows)


def _thin_event(work: Work, event_name: str, identifier: str, code: str) -> Object:
    meter = find_meter(work, event_name)
    related = meter and {"id": meter["id"], "type": "billing.meter", "url": f"/v1/billing/meters/{meter['id']}"}
    kind = "no_meter_found" if meter is None else "error_report_triggered"
    sample = {"error_message": code, "request": {"identifier": identifier}}
    return {
        "id": new_id("evt_test"),
        "object": "v2.core.event",
        "type": f"v1.billing.meter.{kind}",
        "created": work.second,
        "livemode": False,
        "related_object": related,
        "data": {
            "developer_message_summary": "There is 1 invalid event",
            "reason": {"error_count": 1, "error_types": [{"code": code, "error_count": 1, "sample_errors": [sample]}]},
            "validation_start": work.second,
            "validation_end": work.second,
        },
    }
