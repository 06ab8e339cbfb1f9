"""What tests ask of the double beside Stripe's API. Open to whoever reaches the port: it is for test machines."""

import datetime
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from stripe_double import accounts
from stripe_double.clock import real_seconds, utc
from stripe_double.double import Double
from stripe_double.errors import StripeError
from stripe_double.faults import Fault
from stripe_double.ids import random_text
from stripe_double.request.permissions import NAMES
from stripe_double.resources.billing_portal import default_configuration

SWITCHES = ("duplicate", "two_ids", "reorder", "drop")
DELAY = "delay_seconds"


def _double(request: Request) -> Double:
    double: Double = request.app.state.double
    return double


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    parsed: dict[str, Any] = json.loads(raw) if raw else {}
    return parsed


def _account_id(request: Request) -> str:
    name: str = request.path_params["account"]
    return accounts.DEFAULT_ACCOUNT if name == "default" else name


def _refused(detail: str, status: int = 400) -> JSONResponse:
    return JSONResponse({"detail": detail}, status)


async def _new_account(request: Request) -> JSONResponse:
    double = _double(request)
    with double.store.transaction():
        return JSONResponse(accounts.create_account(double.store, double.clock.now()), 201)


async def _account(request: Request) -> JSONResponse:
    """An account with its keys; POST changes it (charges_enabled, requirements, after_retries)."""
    double = _double(request)
    account_id = _account_id(request)
    changes = await _body(request) if request.method == "POST" else {}
    try:
        with double.store.transaction():
            account = accounts.load_account(double.store, account_id)
            if "after_retries" in changes:
                account["_after_retries"] = changes.pop("after_retries")
            account |= changes
            accounts.save_account(double.store, account)
    except StripeError as error:
        return _refused(str(error), 404)
    row = double.store.db.execute("SELECT * FROM accounts WHERE id = ?", (account_id,)).fetchone()
    keys = {"secret_key": row["secret_key"], "publishable_key": row["publishable_key"]}
    return JSONResponse({"account": account_id, **keys, "object": account})


async def _restricted_key(request: Request) -> JSONResponse:
    """POST {permissions: [...]} or {except: [...]} (all others): a restricted key. DELETE {key}: it is expired."""
    double = _double(request)
    body = await _body(request)
    if request.method == "DELETE":
        with double.store.transaction():
            accounts.expire_restricted_key(double.store, str(body.get("key")))
        return JSONResponse({"expired": body.get("key")})
    excepted = body.get("except", [])
    wanted = body.get("permissions") or sorted(NAMES - {*excepted, *(_write_of(name) for name in excepted)})
    unknown = {*wanted, *excepted} - NAMES
    if unknown:
        return _refused(f"Unknown permission {sorted(unknown)[0]}; one of {', '.join(sorted(NAMES))}.")
    account_id = _account_id(request)
    try:
        with double.store.transaction():
            accounts.load_account(double.store, account_id)
            key = accounts.create_restricted_key(double.store, account_id, wanted)
    except StripeError as error:
        return _refused(str(error), 404)
    return JSONResponse({"account": account_id, "secret_key": key, "permissions": wanted}, 201)


def _write_of(name: str) -> str:
    """Without the right to read there is none to write either."""
    return name.removesuffix("_read") + "_write" if name.endswith("_read") else name


async def _roll_keys(request: Request) -> JSONResponse:
    """New keys; the old ones answer 401 "Expired API Key provided" from now on."""
    double = _double(request)
    account_id = _account_id(request)
    try:
        with double.store.transaction():
            accounts.load_account(double.store, account_id)
            return JSONResponse(accounts.roll_keys(double.store, account_id))
    except StripeError as error:
        return _refused(str(error), 404)


async def _default_portal(request: Request) -> JSONResponse:
    """As if the billing portal's settings had been saved in the Dashboard: the default configuration."""
    double = _double(request)
    try:
        with double.store.transaction():
            work = double.work(_account_id(request))
            return JSONResponse(work.public(default_configuration(work)))
    except StripeError as error:
        return _refused(str(error), 404)


async def _clock(request: Request) -> JSONResponse:
    """The double's time; POST moves it: offset_us or offset_seconds (absolute), advance_seconds, or to (an instant)."""
    double = _double(request)
    if request.method == "POST":
        body = await _body(request)
        try:
            offset_us = _wanted_offset(double, body)
        except (KeyError, ValueError, TypeError):
            return _refused(
                "Give one of offset_us, offset_seconds, advance_seconds, to (an instant with its UTC offset)."
            )
        if offset_us < double.clock.offset_us:
            return _refused("The clock moves forward only.", 409)
        await double.advance_to(offset_us)
    now = double.clock.now()
    return JSONResponse(
        {
            "now": utc(now).isoformat(),
            "now_unix": now,
            "offset_us": double.clock.offset_us,
            "offset_seconds": double.clock.offset_us / 1e6,
        }
    )


def _wanted_offset(double: Double, body: dict[str, Any]) -> int:
    if "offset_us" in body:
        return int(body["offset_us"])
    if "offset_seconds" in body:
        return round(float(body["offset_seconds"]) * 1e6)
    if "advance_seconds" in body:
        return double.clock.offset_us + round(float(body["advance_seconds"]) * 1e6)
    to = datetime.datetime.fromisoformat(body["to"])
    if to.tzinfo is None:
        raise ValueError("no UTC offset")
    return round((to.timestamp() - real_seconds()) * 1e6)


async def _meter_events(request: Request) -> JSONResponse:
    query = request.query_params
    return JSONResponse(_double(request).meter_event_totals(query.get("customer"), query.get("event_name")))


async def _requests(request: Request) -> JSONResponse:
    """The newest requests, oldest first; DELETE forgets them."""
    log = _double(request).requests
    if request.method == "DELETE":
        log.clear()
    return JSONResponse({"requests": list(log)})


async def _faults(request: Request) -> JSONResponse:
    """POST {method, path, mode, times, seconds}; DELETE switches all off."""
    faults = _double(request).faults
    if request.method == "DELETE":
        faults.clear()
    elif request.method == "POST":
        body = await _body(request)
        try:
            faults.add(Fault(**body))
        except (TypeError, ValueError) as error:
            return _refused(str(error))
    return JSONResponse({"faults": faults.listed()})


async def _webhooks(request: Request) -> JSONResponse:
    """Switches for deliveries (duplicate, two_ids, reorder, drop, delay_seconds), and the deliveries themselves."""
    double = _double(request)
    if request.method == "POST":
        body = await _body(request)
        unknown = body.keys() - {*SWITCHES, DELAY}
        if unknown:
            return _refused(f"Unknown switch {sorted(unknown)[0]}; one of {', '.join((*SWITCHES, DELAY))}.")
        with double.store.transaction():
            if DELAY in body:
                double.store.set_meta(f"webhooks.{DELAY}", str(float(body.pop(DELAY))))
            for name, on in body.items():
                double.store.set_meta(f"webhooks.{name}", "true" if on else "false")
    rows = double.store.db.execute("SELECT * FROM deliveries ORDER BY seq DESC LIMIT 500").fetchall()
    switches: dict[str, Any] = {name: double.store.get_meta(f"webhooks.{name}") == "true" for name in SWITCHES}
    switches[DELAY] = float(double.store.get_meta(f"webhooks.{DELAY}") or 0)
    return JSONResponse({"switches": switches, "deliveries": [dict(row) for row in rows]})


async def _resend(request: Request) -> JSONResponse:
    """Deliver an event again to every endpoint that got it."""
    double = _double(request)
    event = request.path_params["event"]
    with double.store.transaction():
        at = real_seconds()
        cursor = double.store.db.execute(
            "INSERT INTO deliveries (account, event, endpoint, type, about, first_at, next_at)"
            " SELECT DISTINCT account, event, endpoint, type, about, ?, ? FROM deliveries WHERE event = ?",
            (at, at, event),
        )
    double.changed.set()
    return JSONResponse({"event": event, "deliveries": cursor.rowcount})


async def _thin_events(request: Request) -> JSONResponse:
    """Later rejections of meter events, newest first. They are recorded, not delivered."""
    rows = _double(request).store.db.execute(
        "SELECT account, data FROM objects WHERE kind = 'v2.core.event' ORDER BY seq DESC LIMIT 500"
    )
    return JSONResponse({"events": [{"account": row["account"], **json.loads(row["data"])} for row in rows.fetchall()]})


async def _readyz(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ready", "instance": _INSTANCE})


_INSTANCE = random_text(8)

ROUTES = [
    Route("/readyz", _readyz),
    Route("/_admin/accounts", _new_account, methods=["POST"]),
    Route("/_admin/accounts/{account}", _account, methods=["GET", "POST"]),
    Route("/_admin/accounts/{account}/restricted_keys", _restricted_key, methods=["POST", "DELETE"]),
    Route("/_admin/accounts/{account}/roll_keys", _roll_keys, methods=["POST"]),
    Route("/_admin/accounts/{account}/portal", _default_portal, methods=["POST"]),
    Route("/_admin/clock", _clock, methods=["GET", "POST"]),
    Route("/_admin/meter_events", _meter_events),
    Route("/_admin/requests", _requests, methods=["GET", "DELETE"]),
    Route("/_admin/faults", _faults, methods=["GET", "POST", "DELETE"]),
    Route("/_admin/webhooks", _webhooks, methods=["GET", "POST"]),
    Route("/_admin/events/{event}/resend", _resend, methods=["POST"]),
    Route("/_admin/thin_events", _thin_events),
]
