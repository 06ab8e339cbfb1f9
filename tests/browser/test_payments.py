"""Money that does not come, on Stripe's pages and on ours: declined, 3-D Secure, a failed renewal, another card."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.browser import TIMEOUT_MS, Visitor, visitor
from tests.support.hosted_pages import ASKS, DECLINED, FAILS_LATER, GOOD
from tests.support.whole_stack import WholeStack

from journey.expect import wait_for
from journey.state import Journey
from sandbox_clock import advance

LONG = 120


def enter_card(page: Page, number: str) -> None:
    if page.locator("[name=email]").count() and page.locator("[name=email]").input_value() == "":
        page.locator("[name=email]").fill("dana@example.com")
    page.locator("[name=card_number]").fill(number)
    page.locator("[name=expiry]").fill("12 / 34")
    page.locator("[name=cvc]").fill("123")
    page.get_by_role("button", name=re.compile("Subscribe|Pay|Save")).first.click()


def subscribe(guest: Visitor, home: str, application: str) -> None:
    page = guest.open(f"{home}/apis")
    page.get_by_role("link", name="Subscribe to Things").click()
    dialog = page.get_by_role("dialog", name="Choose Your Subscription Plan")
    dialog.get_by_label("Application", exact=True).select_option("new")
    dialog.get_by_label("Name of the new application").fill(application)
    dialog.get_by_role("button", name="Subscribe to Pay-as-you-go").click()
    page.wait_for_url("**/c/pay/**")


def move_to(whole: WholeStack, to: datetime) -> None:
    """In a thread of its own: Playwright keeps an event loop in this one."""
    addresses = whole.addresses
    with ThreadPoolExecutor(1) as thread:
        thread.submit(
            advance, to=to, stripe_url=addresses.stripe, bootstrap_servers=addresses.kafka, topic_prefix=""
        ).result()


def the_subscription(journey: Journey) -> dict[str, Any]:
    rows = journey.developer.client.get(f"/v1/portal/{journey.organization}/billing/subscriptions")["data"]
    return dict(next(row for row in rows if row["status"] not in ("canceled", "incomplete_expired")))


@pytest.mark.timeout(900)
def test_from_the_declined_card_to_the_paid_debt(browser: Browser, whole_stack: WholeStack) -> None:
    offer = whole_stack.published_api()
    base = whole_stack.addresses.portal
    home = f"{base}/portal/{offer.organization}"
    with visitor(browser, width=390, own=base) as guest:
        person = offer.developer
        guest.sign_in(base, person.email, person.password, f"/portal/{offer.organization}/apis")
        page = guest.open(f"{home}/billing/payment")
        expect(page.get_by_text("No card is needed yet")).to_be_visible()
        guest.look("portal-20-no-card")
        first_payment(guest, home)
        card_at_stripe(guest, home)
        failed_renewal(guest, whole_stack, offer, home)
        assert [said for said in guest.complaints if "402 (Payment Required)" not in said] == []


def first_payment(guest: Visitor, home: str) -> None:
    """Declined on Stripe's page, left there and come back, then 3-D Secure: each page says what is next."""
    page = guest.page
    subscribe(guest, home, "Reading List App")
    enter_card(page, DECLINED)
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("link", name="Back").click()
    expect(page.get_by_text("Not paid yet")).to_be_visible()
    guest.look("portal-21-left-checkout")
    page.get_by_role("link", name="Pay at Stripe").click()
    enter_card(page, ASKS)
    page.get_by_role("button", name="Complete authentication").click()
    page.wait_for_url("**/subscriptions/**")
    expect(page.get_by_role("button", name="Get an access token and make the first call")).to_be_visible(
        timeout=TIMEOUT_MS
    )


def card_at_stripe(guest: Visitor, home: str) -> None:
    """Billing > Payment details > Stripe's billing portal: another card, which will fail later."""
    page = guest.open(f"{home}/billing/payment")
    expect(page.get_by_role("heading", name="What the card is charged for")).to_be_visible()
    guest.look("portal-22-payment-details")
    page.get_by_role("button", name="Open Stripe's billing portal").click()
    use = page.get_by_role("button", name="Use this card from now on")
    expect(use).to_be_visible(timeout=TIMEOUT_MS)
    page.locator("[name=card_number]").fill(FAILS_LATER)
    page.locator("[name=expiry]").fill("12 / 34")
    page.locator("[name=cvc]").fill("123")
    use.click()
    page.get_by_role("link", name="Return to the shop").click()
    expect(page.get_by_role("heading", name="What the card is charged for")).to_be_visible()


def failed_renewal(guest: Visitor, whole_stack: WholeStack, offer: Journey, home: str) -> None:
    """The renewal fails: a banner with the date; after it, the refusal; the open invoice paid, quiet again."""
    page = guest.page
    use_it(offer)
    end = datetime.fromisoformat(the_subscription(offer)["current_period_end"])
    move_to(whole_stack, end + timedelta(minutes=2))
    wait_for(
        "the renewal",
        lambda: datetime.fromisoformat(the_subscription(offer)["current_period_start"]) >= end,
        seconds=LONG,
    )
    move_to(whole_stack, end + timedelta(minutes=70))
    wait_for("past due", lambda: the_subscription(offer)["status"] == "past_due", seconds=LONG)
    guest.open(f"{home}/apis")
    expect(page.get_by_text("Payment failed for Things")).to_be_visible()
    expect(page.get_by_text("Calls are admitted until")).to_be_visible()
    guest.look("portal-23-payment-failed")
    guest.open(f"{home}/billing/payment")
    expect(page.get_by_text("Overdue").first).to_be_visible()
    guest.look("portal-24-overdue")
    until = datetime.fromisoformat(the_subscription(offer)["grace_until"])
    move_to(whole_stack, until + timedelta(seconds=1))
    guest.open(f"{home}/billing")
    expect(page.get_by_text("Calls are refused with 403")).to_be_visible()
    guest.look("portal-25-refused")
    page.get_by_role("link", name=re.compile("^Pay the invoice: ")).click()
    page.locator("[name=card_number]").fill(GOOD)
    page.locator("[name=expiry]").fill("12 / 34")
    page.locator("[name=cvc]").fill("123")
    page.get_by_role("button", name=re.compile("^Pay")).click()
    wait_for("active again", lambda: the_subscription(offer)["status"] == "active", seconds=LONG)

    def is_paid() -> bool:
        # The invoice and the subscription are two entities: either's news may come first.
        guest.open(f"{home}/billing/payment")
        return page.get_by_text("Paid", exact=True).count() > 0

    wait_for("the invoice is paid", is_paid, seconds=LONG)
    expect(page.get_by_text("Payment failed")).to_have_count(0)


def use_it(offer: Journey) -> None:
    """Some calls, so that the renewal has something to charge for."""
    client = offer.developer.client
    application = the_subscription(offer)["application"]["id"]
    keys = client.post(f"/v1/applications/{application}/oauth-clients", {"environment": "production"})
    token = httpx.post(
        f"{offer.addresses.portal}/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(keys["client_id"], keys["client_secret"]),
        timeout=30,
    ).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(headers=headers, timeout=30) as caller:
        wait_for("admission", lambda: caller.get(f"{offer.api_url}/things").status_code == 200, seconds=LONG)
        assert {caller.get(f"{offer.api_url}/things").status_code for _ in range(50)} == {200}
    wait_for(
        "usage",
        lambda: client.get(f"/v1/portal/{offer.organization}/billing/usage-summary")["total_billed_api_calls"] >= 51,
        seconds=LONG,
    )
