"""Paying on Stripe's hosted Checkout page, as a browser without JavaScript does: read the form, fill it, post it."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

from journey.expect import StepFailed

GOOD, FAILS_LATER = "4242 4242 4242 4242", "4000 0000 0000 0341"
CARD = {
    "email": "dana@example.com",
    "number": "4242 4242 4242 4242",
    "card_number": "4242 4242 4242 4242",
    "expiry": "12 / 34",
    "exp": "12 / 34",
    "exp_month": "12",
    "exp_year": "2034",
    "cvc": "123",
    "name": "Dana Developer",
    "cardholder_name": "Dana Developer",
}


class _Form(HTMLParser):
    """The page's first form: where it goes and what its fields hold."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the form's action and its inputs."""
        values = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = values.get("action") or ""
        elif tag == "input" and values.get("name") and values.get("type") != "submit":
            self.fields[str(values["name"])] = values.get("value") or ""


def pay(url: str, email: str, number: str = GOOD) -> str:
    """Complete Checkout with a test card. Returns where Stripe sends the browser afterwards."""
    with httpx.Client(timeout=30) as browser:
        page = browser.get(url)
        form = _Form()
        form.feed(page.text)
        if page.status_code != 200 or form.action is None:
            raise StepFailed(f"Checkout page answered {page.status_code} without a form")
        card = {**CARD, "number": number, "card_number": number}
        filled = {name: card.get(name, value) for name, value in form.fields.items()}
        if "email" in filled:
            filled["email"] = form.fields["email"] or email
        answer = browser.post(urljoin(url, form.action), data=filled)
        if answer.status_code != 303:
            raise StepFailed(f"paying answered {answer.status_code}: {answer.text[:300]}")
        return answer.headers["location"]
