"""What the hosted pages share: the frame, the card form, money for people. Plain forms that need no JavaScript."""

from decimal import Decimal
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from stripe_double.double import Double
from stripe_double.store import Object

_FRAME = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:16px system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem;color:#1a1f36}}
label{{display:block;margin:.8rem 0 .2rem}}input{{width:100%;box-sizing:border-box;padding:.6rem;font:inherit;
border:1px solid #9aa5b1;border-radius:6px}}button{{margin-top:1.2rem;width:100%;padding:.8rem;font:inherit;border:0;
border-radius:6px;background:#0a5bd3;color:#fff}}button.plain{{background:#fff;color:#0a5bd3;border:1px solid #0a5bd3}}
table{{width:100%;border-collapse:collapse}}td,th{{text-align:left;padding:.4rem .4rem .4rem 0}}
.test{{background:#ffe5b4;padding:.3rem .6rem;border-radius:4px}}[role=alert]{{color:#b3093c;margin-top:1rem}}
</style></head>
<body><main><p><span class="test">TEST MODE: the Stripe double</span></p>{content}</main></body></html>"""

CARD_FIELDS = """<label for="card_number">Card number</label>
<input id="card_number" name="card_number" inputmode="numeric" autocomplete="cc-number" required
 placeholder="4242 4242 4242 4242" value="{card_number}">
<label for="expiry">Expiry (MM / YY)</label>
<input id="expiry" name="expiry" autocomplete="cc-exp" required placeholder="12 / 34" value="{expiry}">
<label for="cvc">CVC</label>
<input id="cvc" name="cvc" inputmode="numeric" autocomplete="cc-csc" required placeholder="123">"""

_NO_MINOR_UNIT = "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf"
_THREE_DECIMALS = "bhd jod kwd omr tnd"


def page(title: str, content: str, status: int = 200) -> Response:
    """A whole page."""
    return HTMLResponse(_FRAME.format(title=escape(title), content=content), status)


def notice(status: int, text: str) -> Response:
    """A page that only says something."""
    return page(text, f"<h1>{escape(text)}</h1>", status)


def alert(text: str | None) -> str:
    """What went wrong, where the reader looks."""
    return f'<p role="alert">{escape(text)}</p>' if text else ""


def card_fields(given: dict[str, str]) -> str:
    """The card's inputs, with what was typed before (never the CVC)."""
    return CARD_FIELDS.format(card_number=escape(given.get("card_number", "")), expiry=escape(given.get("expiry", "")))


def money(amount: int, currency: str) -> str:
    """`200, "usd"` -> `2.00 USD`."""
    digits = 0 if currency in _NO_MINOR_UNIT else 3 if currency in _THREE_DECIMALS else 2
    return f"{Decimal(amount).scaleb(-digits):f} {currency.upper()}"


async def form_of(request: Request) -> dict[str, str]:
    """The posted fields, trimmed."""
    body = (await request.body()).decode()
    return {name: values[0].strip() for name, values in parse_qs(body).items()}


def double_of(request: Request) -> Double:
    """The double that serves this request."""
    double: Double = request.app.state.double
    return double


def find(double: Double, kind: str, object_id: str) -> tuple[str, Object] | None:
    """An object by its id alone, as a link names it: its account and itself."""
    row = double.store.db.execute("SELECT account FROM objects WHERE id = ? AND kind = ?", (object_id, kind)).fetchone()
    found = None if row is None else double.store.get(row["account"], object_id)
    return None if found is None else (row["account"], found)
