"""The hosted Checkout page: a plain form that needs no JavaScript."""

from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from stripe_double.double import Double
from stripe_double.engine.checkout import complete
from stripe_double.errors import StripeError
from stripe_double.store import Object

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Checkout</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:16px system-ui,sans-serif;max-width:26rem;margin:3rem auto;padding:0 1rem;color:#1a1f36}}
label{{display:block;margin:.8rem 0 .2rem}}input{{width:100%;box-sizing:border-box;padding:.6rem;font:inherit;
border:1px solid #9aa5b1;border-radius:6px}}button{{margin-top:1.2rem;width:100%;padding:.8rem;font:inherit;border:0;
border-radius:6px;background:#0a5bd3;color:#fff}}.test{{background:#ffe5b4;padding:.3rem .6rem;border-radius:4px}}
[role=alert]{{color:#b3093c;margin-top:1rem}}</style></head>
<body><main><p><span class="test">TEST MODE: the Stripe double</span></p>{content}</main></body></html>"""

_FORM = """<h1>{title}</h1><ul>{lines}</ul><p><strong>Due today: {total}</strong></p>{error}
<form method="post">
<label for="email">Email</label><input id="email" name="email" type="email" required value="{email}">
<label for="card_number">Card number</label>
<input id="card_number" name="card_number" inputmode="numeric" autocomplete="cc-number" required
 placeholder="4242 4242 4242 4242" value="{card_number}">
<label for="expiry">Expiry (MM / YY)</label>
<input id="expiry" name="expiry" autocomplete="cc-exp" required placeholder="12 / 34" value="{expiry}">
<label for="cvc">CVC</label>
<input id="cvc" name="cvc" inputmode="numeric" autocomplete="cc-csc" required placeholder="123">
<button type="submit">Subscribe</button></form>{cancel}"""


def _find(double: Double, session_id: str) -> tuple[str, Object] | None:
    row = double.store.db.execute(
        "SELECT account FROM objects WHERE id = ? AND kind = 'checkout.session'", (session_id,)
    ).fetchone()
    if row is None:
        return None
    session = double.store.get(row["account"], session_id)
    return None if session is None else (row["account"], session)


def _closed(status: int, text: str) -> Response:
    return HTMLResponse(_PAGE.format(content=f"<h1>{escape(text)}</h1>"), status)


def _amount(session: Object) -> str:
    return f"{session['amount_total'] / 100:.2f} {session['currency'].upper()}"


def _form(double: Double, account: str, session: Object, given: dict[str, str], error: str | None) -> Response:
    lines = []
    for item in session["_items"]:
        product = double.store.get(account, item["price"]["product"])
        name = product["name"] if product else item["price"]["product"]
        metered = item["price"]["recurring"]["usage_type"] == "metered"
        lines.append(f"<li>{escape(name)}{' (billed by usage)' if metered else ''}</li>")
    cancel = ""
    if session["cancel_url"]:
        cancel = f'<p><a href="{escape(_filled(session["cancel_url"], session["id"]))}">Back</a></p>'
    email = given.get("email") or session["customer_email"] or ""
    if not email and session["customer"]:
        email = (double.store.get(account, session["customer"]) or {}).get("email") or ""
    content = _FORM.format(
        title="Subscribe",
        lines="".join(lines),
        total=_amount(session),
        error=f'<p role="alert">{escape(error)}</p>' if error else "",
        email=escape(email),
        card_number=escape(given.get("card_number", "")),
        expiry=escape(given.get("expiry", "")),
        cancel=cancel,
    )
    return HTMLResponse(_PAGE.format(content=content), 402 if error else 200)


def _filled(url: str, session_id: str) -> str:
    return url.replace("{CHECKOUT_SESSION_ID}", session_id)


async def show(request: Request) -> Response:
    """GET: the form, or why there is none any more."""
    double: Double = request.app.state.double
    found = _find(double, request.path_params["session"])
    if found is None:
        return _closed(404, "There is no such Checkout page.")
    if found[1]["status"] != "open":
        return _closed(410, f"This Checkout page is {found[1]['status']}.")
    return _form(double, *found, given={}, error=None)


async def submit(request: Request) -> Response:
    """POST: pay and go to success_url, or the form again with the bank's words."""
    double: Double = request.app.state.double
    body = (await request.body()).decode()
    given = {name: values[0].strip() for name, values in parse_qs(body).items()}
    found = _find(double, request.path_params["session"])
    if found is None:
        return _closed(404, "There is no such Checkout page.")
    account, session = found
    if session["status"] != "open":
        return _closed(410, f"This Checkout page is {session['status']}.")
    try:
        with double.store.transaction():
            complete(
                double.work(account),
                session,
                email=given.get("email", ""),
                number=given.get("card_number", ""),
                expiry=given.get("expiry", ""),
                cvc=given.get("cvc", ""),
            )
    except StripeError as error:
        return _form(double, account, _find(double, session["id"])[1], given, str(error))  # type: ignore[index]
    double.changed.set()
    return RedirectResponse(_filled(session["success_url"], session["id"]), 303)
