"""The Developer Portal without JavaScript: forms are sent, links lead on, all but live figures and try-it is there."""

import re

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.browser import TIMEOUT_MS, visitor
from tests.support.whole_stack import WholeStack

from journey import provider


def pay(page: Page) -> None:
    page.wait_for_url("**/c/pay/**")
    if page.locator("[name=email]").input_value() == "":
        page.locator("[name=email]").fill("dana@example.com")
    page.locator("[name=card_number]").fill("4242 4242 4242 4242")
    page.locator("[name=expiry]").fill("12 / 34")
    page.locator("[name=cvc]").fill("123")
    page.get_by_role("button", name=re.compile("Subscribe|Pay")).first.click()


@pytest.mark.timeout(1500)
def test_the_whole_way_without_script(browser: Browser, whole_stack: WholeStack) -> None:
    offer = whole_stack.published_api()
    base, home = whole_stack.addresses.portal, f"/portal/{offer.organization}"
    person = whole_stack.people().developer
    provider.sign_up(person, "Nora Noscript")
    with visitor(browser, script=False, own=base) as guest:
        page = guest.page
        guest.sign_in(base, person.email, person.password, f"{home}/apis")
        page.get_by_label("Search APIs").fill("thing")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("link", name="Subscribe to Things").click()
        # The estimate by a form of its own.
        page.get_by_label("Requests per billing period, as a number").fill("300")
        page.get_by_role("button", name="Estimate").click()
        expect(page.get_by_text("300 × $0.02 = $6.00")).to_be_visible()
        page.get_by_label("Name of the new application").fill("Plain App")
        page.get_by_role("button", name="Subscribe to Pay-as-you-go").click()
        pay(page)
        first = page.get_by_role("button", name="Get an access token and make the first call")
        expect(first).to_be_visible(timeout=TIMEOUT_MS)
        first.click()
        token = page.locator("code[data-no-script]").nth(1).inner_text()
        assert httpx.get(f"{offer.api_url}/things", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        page.get_by_role("link", name="Manage Keys").first.click()
        page.get_by_role("button", name="Modify").click()
        page.get_by_label("Application Access Token Expiry Time").fill("120")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("120 seconds")).to_be_visible()
        page.get_by_role("link", name="Sandbox", exact=True).click()
        page.get_by_role("button", name="Generate Key").click()
        expect(page.locator("code[data-no-script]").first).to_be_visible()
        for path, heading in (
            ("applications", "Applications"), ("billing", "Billing"), ("billing/invoices", "Billing"),
            ("billing/payment", "Billing"),
            (f"apis/{offer.api_id}", "Things"), (f"apis/{offer.api_id}/pricing", "Things"),
            (f"apis/{offer.api_id}/reference", "Things"),
        ):  # fmt: skip
            page.goto(f"{base}{home}/{path}")
            expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()
        page.goto(f"{base}{home}/billing")
        page.get_by_role("link", name=re.compile("Explain the cost")).click()
        expect(page.get_by_text("Every billed request costs the same.")).to_be_visible()
        page.goto(f"{base}{home}/billing/subscriptions")
        page.get_by_role("link", name="Manage Things").click()
        page.get_by_role("button", name="Cancel", exact=True).click()
        page.get_by_role("radio", name=re.compile("Now")).check(force=True)
        page.get_by_role("button", name="Cancel subscription").click()
        expect(page.get_by_role("heading", level=1, name="Things")).to_be_visible()
