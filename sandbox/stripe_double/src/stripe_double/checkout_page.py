"""The hosted Checkout page, and the bank's page that 3D Secure leads to."""

from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from stripe_double.double import Double
from stripe_double.engine.checkout import Typed, complete, needs_challenge
from stripe_double.errors import StripeError
from stripe_double.pages import alert, card_fields, double_of, find, form_of, money, notice, page
from stripe_double.store import Object

_FORM = """<h1>Subscribe</h1><ul>{lines}</ul><p><strong>Due today: {total}</strong></p>{error}
<form method="post">
<label for="email">Email</label><input id="email" name="email" type="email" required value="{email}">
{card}
<button type="submit">Subscribe</button></form>{cancel}"""

_CHALLENGE = """<h1>3D Secure: is it you?</h1>
<p>This is the page of the bank that issued the card. It asks because the card requires authentication.</p>
<form method="post"><button type="submit" name="outcome" value="complete">Complete authentication</button>
<button class="plain" type="submit" name="outcome" value="fail">Fail authentication</button></form>"""

_UNAUTHENTICATED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)


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
        lines="".join(lines),
        total=money(session["amount_total"], session["currency"]),
        error=alert(error),
        email=escape(email),
        card=card_fields(given),
        cancel=cancel,
    )
    return page("Checkout", content, 402 if error else 200)


def _filled(url: str, session_id: str) -> str:
    return url.replace("{CHECKOUT_SESSION_ID}", session_id)


def _open_session(request: Request) -> tuple[Double, str, Object] | Response:
    double = double_of(request)
    found = find(double, "checkout.session", request.path_params["session"])
    if found is None:
        return notice(404, "There is no such Checkout page.")
    if found[1]["status"] != "open":
        return notice(410, f"This Checkout page is {found[1]['status']}.")
    return double, *found


async def show(request: Request) -> Response:
    """GET: the form, or why there is none any more."""
    found = _open_session(request)
    return found if isinstance(found, Response) else _form(*found, given={}, error=None)


async def submit(request: Request) -> Response:
    """POST: pay and go to success_url, or to the bank's page first, or the form again with the bank's words."""
    given = await form_of(request)
    found = _open_session(request)
    if isinstance(found, Response):
        return found
    double, account, session = found
    typed = Typed(*(given.get(name, "") for name in ("email", "card_number", "expiry", "cvc")))
    try:
        with double.store.transaction():
            work = double.work(account)
            if needs_challenge(work, session, typed):
                session["_challenge"] = given
                work.save(session)
                return RedirectResponse(f"/c/pay/{session['id']}/authenticate", 303)
            complete(work, session, typed)
    except StripeError as error:
        return _refused(double, account, session["id"], given, str(error))
    return _paid(double, session)


async def challenge(request: Request) -> Response:
    """GET: the bank asks. POST `outcome=complete` pays; anything else leads back to the form."""
    found = _open_session(request)
    if isinstance(found, Response):
        return found
    double, account, session = found
    given: dict[str, str] = session.get("_challenge") or {}
    if not given:
        return RedirectResponse(f"/c/pay/{session['id']}", 303)
    if request.method == "GET":
        return page("Authentication", _CHALLENGE)
    outcome = (await form_of(request)).get("outcome")
    typed = Typed(*(given.get(name, "") for name in ("email", "card_number", "expiry", "cvc")))
    if outcome != "complete":
        return _refused(double, account, session["id"], given, _UNAUTHENTICATED)
    try:
        with double.store.transaction():
            complete(double.work(account), session, typed)
    except StripeError as error:
        return _refused(double, account, session["id"], given, str(error))
    return _paid(double, session)


def _refused(double: Double, account: str, session_id: str, given: dict[str, str], error: str) -> Response:
    session = double.store.get(account, session_id)
    assert session is not None
    return _form(double, account, session, given, error)


def _paid(double: Double, session: Object) -> Response:
    double.changed.set()
    return RedirectResponse(_filled(session["success_url"], session["id"]), 303)
