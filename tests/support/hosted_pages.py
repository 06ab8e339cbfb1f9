"""Stripe's hosted pages as a person without JavaScript uses them: Checkout, billing portal, hosted invoice."""

import httpx

from journey.client import Client
from journey.expect import wait_for

GOOD, DECLINED, FAILS_LATER, ASKS = "4242424242424242", "4000000000000002", "4000000000000341", "4000002500003155"


def card(number: str) -> dict[str, str]:
    """The fields of every card form."""
    return {"card_number": number, "expiry": "12 / 34", "cvc": "123"}


def post(url: str, fields: dict[str, str]) -> httpx.Response:
    """Send a form; redirects are for the caller to look at."""
    return httpx.post(url, data=fields, timeout=60)


def pay_checkout(url: str, number: str = GOOD) -> httpx.Response:
    """Checkout's form."""
    return post(url, {"email": "dana@example.com", **card(number)})


def checkout_url(client: Client, subscription_id: str) -> str:
    """Where to pay, as soon as it is known: a busy machine takes longer than a request may wait."""
    return str(
        wait_for(
            "Checkout",
            lambda: client.get(f"/v1/subscriptions/{subscription_id}")["checkout_url"],
            seconds=120,
            pause_seconds=0.2,
        )
    )
