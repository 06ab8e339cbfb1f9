"""The hosted billing portal and the hosted invoice page."""

from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from stripe_double.clock import utc
from stripe_double.double import Double
from stripe_double.engine import portal
from stripe_double.engine.subscriptions import LIVE, period
from stripe_double.errors import StripeError
from stripe_double.pages import alert, card_fields, double_of, find, form_of, money, notice, page
from stripe_double.store import Object
from stripe_double.work import Work


def _session(request: Request) -> tuple[Double, Work, Object, Object] | Response:
    """The session of a link, its configuration; or why there is none."""
    double = double_of(request)
    session_id, _, secret = request.path_params["link"].partition("_live_")
    found = find(double, "billing_portal.session", session_id)
    if found is None or found[1]["_secret"] != f"live_{secret}":
        return notice(404, "There is no such billing portal.")
    account, session = found
    work = double.work(account)
    if work.second >= session["_expires_at"]:
        return notice(410, "This billing portal session has expired.")
    return double, work, session, work.require("billing_portal.configuration", session["configuration"])


async def show(request: Request) -> Response:
    """GET: subscriptions, payment method, invoices."""
    found = _session(request)
    return found if isinstance(found, Response) else _page(*found[1:], given={}, error=None)


async def act(request: Request) -> Response:
    """POST `action` = cancel, renew (with `subscription`) or card (with the card's fields)."""
    given = await form_of(request)
    found = _session(request)
    if isinstance(found, Response):
        return found
    double, work, session, configuration = found
    features, customer = configuration["features"], session["customer"]
    action, subscription = given.get("action", ""), given.get("subscription", "")
    try:
        with double.store.transaction():
            if action == "cancel" and features["subscription_cancel"]["enabled"]:
                portal.cancel_subscription(work, customer, subscription, features["subscription_cancel"]["mode"])
            elif action == "renew" and features["subscription_cancel"]["enabled"]:
                portal.renew_subscription(work, customer, subscription)
            elif action == "card" and features["payment_method_update"]["enabled"]:
                _update_card(work, customer, given)
            else:
                return notice(400, "The portal's configuration does not allow this.")
    except StripeError as error:
        return _page(work, session, configuration, given, str(error))
    double.changed.set()
    return RedirectResponse(request.url.path, 303)


def _update_card(work: Work, customer: str, given: dict[str, str]) -> None:
    number, expiry, cvc = (given.get(name, "") for name in ("card_number", "expiry", "cvc"))
    portal.update_payment_method(work, customer, number=number, expiry=expiry, cvc=cvc)


def _page(work: Work, session: Object, configuration: Object, given: dict[str, str], error: str | None) -> Response:
    features = configuration["features"]
    parts = [f"<h1>Billing</h1>{alert(error)}", _subscriptions(work, session, features)]
    if features["payment_method_update"]["enabled"]:
        parts.append(_payment_method(work, session, given))
    if features["invoice_history"]["enabled"]:
        parts.append(_invoices(work, session))
    if session["return_url"]:
        parts.append(f'<p><a href="{escape(session["return_url"])}">Return to the shop</a></p>')
    return page("Billing", "".join(parts), 402 if error else 200)


def _subscriptions(work: Work, session: Object, features: Object) -> str:
    rows = []
    for subscription in work.of_kind("subscription", session["customer"]):
        if subscription["status"] not in LIVE:
            continue
        product = work.get(subscription["items"]["data"][0]["price"]["product"]) or {"name": subscription["id"]}
        end = utc(subscription["cancel_at"] or period(subscription)[1])
        scheduled = subscription["cancel_at"] is not None
        when = f"{'cancels' if scheduled else 'renews'} on {end:%d %B %Y}"
        action, label = ("renew", "Don't cancel") if scheduled else ("cancel", "Cancel subscription")
        button = ""
        if features["subscription_cancel"]["enabled"]:
            button = (
                f'<form method="post"><input type="hidden" name="subscription" value="{subscription["id"]}">'
                f'<button class="plain" type="submit" name="action" value="{action}">{label}</button></form>'
            )
        rows.append(f"<li>{escape(product['name'])}: {subscription['status']}, {when}{button}</li>")
    return f"<h2>Subscriptions</h2><ul>{''.join(rows) or '<li>None</li>'}</ul>"


def _payment_method(work: Work, session: Object, given: dict[str, str]) -> str:
    customer = work.require("customer", session["customer"])
    chosen = customer["invoice_settings"]["default_payment_method"]
    method = work.get(chosen) if chosen else next(work.of_kind("payment_method", customer["id"]), None)
    shown = "none"
    if method is not None:
        card = method["card"]
        shown = f"{card['brand']} ending in {card['last4']}, expires {card['exp_month']:02d}/{card['exp_year']}"
    return (
        f'<h2>Payment method</h2><p>{escape(shown)}</p><form method="post">{card_fields(given)}'
        '<button type="submit" name="action" value="card">Use this card from now on</button></form>'
    )


def _invoices(work: Work, session: Object) -> str:
    rows = []
    for invoice in work.of_kind("invoice", session["customer"]):
        if invoice["status"] == "draft":
            continue
        total = money(invoice["total"], invoice["currency"])
        link = f'<a href="{escape(invoice["hosted_invoice_url"])}">{escape(invoice["number"])}</a>'
        rows.append(f"<tr><td>{link}</td><td>{total}</td><td>{invoice['status']}</td></tr>")
    return f"<h2>Invoice history</h2><table>{''.join(rows) or '<tr><td>None yet</td></tr>'}</table>"


def _invoice(request: Request) -> tuple[Double, Work, Object] | Response:
    double = double_of(request)
    found = find(double, "invoice", request.path_params["invoice"])
    if found is None or found[0] != request.path_params["account"] or found[1]["status"] == "draft":
        return notice(404, "There is no such invoice.")
    return double, double.work(found[0]), found[1]


async def show_invoice(request: Request) -> Response:
    """GET: what it is for, and a form to pay it while it is open."""
    found = _invoice(request)
    return found if isinstance(found, Response) else _invoice_page(found[2], {}, None)


async def pay_invoice(request: Request) -> Response:
    """POST: pay it with a card."""
    given = await form_of(request)
    found = _invoice(request)
    if isinstance(found, Response):
        return found
    double, work, invoice = found
    number, expiry, cvc = (given.get(name, "") for name in ("card_number", "expiry", "cvc"))
    try:
        with double.store.transaction():
            portal.pay_invoice(work, invoice, number=number, expiry=expiry, cvc=cvc)
    except StripeError as error:
        return _invoice_page(double.store.get(work.account_id, invoice["id"]) or invoice, given, str(error))
    double.changed.set()
    return RedirectResponse(request.url.path, 303)


def _invoice_page(invoice: Object, given: dict[str, str], error: str | None) -> Response:
    lines = "".join(
        f"<tr><td>{escape(line['description'])}</td><td>{money(line['amount'], line['currency'])}</td></tr>"
        for line in invoice["lines"]["data"]
    )
    due = money(invoice["amount_remaining"], invoice["currency"])
    form = ""
    if invoice["status"] in ("open", "uncollectible"):
        form = f'{alert(error)}<form method="post">{card_fields(given)}<button type="submit">Pay {due}</button></form>'
    number = escape(invoice["number"])
    content = f"<h1>Invoice {number}</h1><table>{lines}</table><p>Status: {invoice['status']}. Due: {due}.</p>{form}"
    return page(f"Invoice {number}", content, 402 if error else 200)
