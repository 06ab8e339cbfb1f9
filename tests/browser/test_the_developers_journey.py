"""The seed's steps 7 to 10 and its three verifications, through the pages, by the labels that the seed names."""

import re

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.support.browser import TIMEOUT_MS, WIDTHS, Visitor, visitor
from tests.support.whole_stack import WholeStack

from journey import provider
from journey.state import Journey

PLANS = [
    {"name": "Free", "pricing_model": "free", "rate_limit": {"count": 100, "unit": "minute"}},
    {
        "name": "Tiered",
        "pricing_model": "graduated",
        "tiers": [{"up_to": 1000, "unit_amount_decimal": "1.5"}, {"up_to": None, "unit_amount_decimal": "0.5"}],
    },
]


@pytest.fixture(scope="module")
def offer(whole_stack: WholeStack) -> Journey:
    """A published API with three plans."""
    made = whole_stack.published_api()
    client = made.provider.client
    ids = [client.post(f"/v1/organizations/{made.organization_id}/plans", plan)["id"] for plan in PLANS]
    client.put(f"/v1/apis/{made.api_id}/plans", {"plan_ids": [made.plan_id, *ids]})
    return made


def call(url: str, token: str | None = None) -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.get(url, headers=headers, timeout=30).status_code


def menu(guest: Visitor, name: str) -> None:
    """A line of the navigation."""
    guest.show_navigation()
    link = guest.page.get_by_role("navigation", name="Developer Portal").get_by_role("link", name=name, exact=True)
    link.click()


def billing(page: Page) -> None:
    """Profile > Billing."""
    page.get_by_label("Your profile").click()
    page.locator("details.k-menu").get_by_role("link", name="Billing").click()


def copied(page: Page, label: str) -> str:
    page.get_by_role("button", name=f"Copy {label}", exact=True).click()
    return str(page.evaluate("navigator.clipboard.readText()"))


def pay(page: Page) -> None:
    """Stripe's page, with the seed's card."""
    page.wait_for_url("**/c/pay/**")
    if page.locator("[name=email]").input_value() == "":
        page.locator("[name=email]").fill("dana@example.com")
    page.locator("[name=card_number]").fill("4242 4242 4242 4242")
    page.locator("[name=expiry]").fill("12 / 34")
    page.locator("[name=cvc]").fill("123")
    page.get_by_role("button", name=re.compile("Subscribe|Pay")).first.click()


def total_billed(page: Page) -> Locator:
    return page.locator(".k-stat", has_text="Total Billed API Calls").locator("dd").first


def newcomer(whole_stack: WholeStack, guest: Visitor, target: str) -> None:
    """A developer who has just signed up."""
    person = whole_stack.people().developer
    provider.sign_up(person, "Dana Developer")
    guest.sign_in(whole_stack.addresses.portal, person.email, person.password, target)


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("width", WIDTHS)
def test_from_the_catalogue_to_the_cancelled_subscription(
    browser: Browser, whole_stack: WholeStack, offer: Journey, width: int
) -> None:
    base = whole_stack.addresses.portal
    home = f"/portal/{offer.organization}"
    with visitor(browser, width=width, own=base) as guest:
        page = guest.page
        newcomer(whole_stack, guest, f"{home}/apis")
        # Step 7: subscribe.
        menu(guest, "APIs")
        expect(page.get_by_role("heading", name="APIs", exact=True)).to_be_visible()
        guest.look("portal-01-apis")
        page.get_by_role("link", name="Subscribe to Things").click()
        dialog = page.get_by_role("dialog", name="Choose Your Subscription Plan")
        dialog.get_by_label("Application", exact=True).select_option("new")
        dialog.get_by_label("Name of the new application").fill("Reading List App")
        slider = dialog.get_by_role("slider", name="Requests per billing period")
        slider.focus()
        page.keyboard.press("ArrowRight")
        expect(dialog.get_by_text("25,000 × $0.02 = $500.00")).to_be_visible()
        expect(dialog.get_by_text("Free is $500.00 cheaper at this volume.")).to_be_visible()
        expect(slider).to_be_focused()
        guest.look("portal-02-choose-your-subscription-plan")
        dialog.get_by_role("button", name="Subscribe to Pay-as-you-go").click()
        pay(page)
        page.wait_for_url("**/subscriptions/**")
        first = page.get_by_role("button", name="Get an access token and make the first call")
        expect(first).to_be_visible(timeout=TIMEOUT_MS)
        guest.look("portal-03-subscribed")
        first.click()
        expect(page.get_by_text("Waiting for your first call…")).to_be_visible()
        guest.look("portal-04-first-call")
        copied(page, "Consumer Secret")
        page.get_by_role("button", name="Try it").click()
        expect(page.locator("#try-answer")).to_contain_text("200")
        expect(page.get_by_text("First call received")).to_be_visible(timeout=TIMEOUT_MS)
        token = manage_keys(guest)
        use_and_see_it_billed(guest, offer, token)
        cancel(guest, offer, token)
        assert guest.complaints == []


def manage_keys(guest: Visitor) -> str:
    """Step 8. Returns the access token."""
    page = guest.page
    menu(guest, "Applications")
    guest.look("portal-05-applications")
    page.get_by_role("link", name="Reading List App", exact=True).click()
    guest.look("portal-06-application")
    page.get_by_role("link", name="Manage Keys").click()
    page.get_by_role("link", name="Production", exact=True).click()
    page.get_by_role("button", name="Generate Key").click()
    expect(page.get_by_role("heading", name="Save this secret now")).to_be_visible()
    guest.look("portal-07-generate-key")
    assert copied(page, "Consumer Secret")
    page.get_by_role("button", name="Modify").click()
    modify = page.get_by_role("dialog", name="Modify")
    modify.get_by_label("Application Access Token Expiry Time").fill("7200")
    modify.get_by_role("button", name="Save").click()
    expect(page.get_by_text("7,200 seconds")).to_be_visible()
    page.get_by_role("button", name="Generate", exact=True).first.click()
    expect(page.get_by_text(re.compile(r"in 1 h 59 min \d+ s"))).to_be_visible()
    guest.look("portal-08-generate-token")
    return copied(page, "Access token")


def use_and_see_it_billed(guest: Visitor, offer: Journey, token: str) -> None:
    """Steps 9 and 10, verifications 1 and 2: the open page moves by itself."""
    page, url = guest.page, f"{offer.api_url}/things"
    billing(page)
    page.get_by_role("link", name="Usage Summary").click()
    before = int(total_billed(page).inner_text())
    assert [call(url, token) for _ in range(5)] == [200] * 5
    assert call(url) == 401
    expect(total_billed(page)).to_have_text(str(before + 5), timeout=TIMEOUT_MS)
    expect(page.locator(".k-stat", has_text="Active Subscriptions")).to_contain_text("1")
    expect(page.locator(".k-stat", has_text="Estimated Cost")).to_contain_text(f"${(before + 5) * 0.02:.2f}")
    guest.look("portal-09-usage-summary")
    page.get_by_role("link", name=re.compile("Explain the cost")).click()
    drawer = page.get_by_role("dialog", name="Explanation")
    expect(drawer.get_by_text("Every billed request costs the same.")).to_be_visible()
    guest.look("portal-10-explain")
    drawer.get_by_role("button", name="Close").click()
    page.get_by_role("link", name="Invoices", exact=True).click()
    expect(page.get_by_role("heading", name="No invoice yet")).to_be_visible()
    guest.look("portal-11-invoices")


def cancel(guest: Visitor, offer: Journey, token: str) -> None:
    """Verification 3, with a change of mind on the way."""
    page, url = guest.page, f"{offer.api_url}/things"
    page.get_by_role("link", name="Billed Subscriptions").click()
    guest.look("portal-12-billed-subscriptions")
    page.get_by_role("link", name="Manage Things").click()
    dialog = page.get_by_role("dialog", name="Cancel this subscription?")
    page.get_by_role("button", name="Cancel", exact=True).click()
    guest.look("portal-13-cancel")
    dialog.get_by_label("At the period's end").check(force=True)
    dialog.get_by_role("button", name="Cancel subscription").click()
    resume = page.get_by_role("button", name="Resume")
    expect(resume).to_be_visible(timeout=TIMEOUT_MS)
    assert call(url, token) == 200
    resume.click()
    expect(resume).to_have_count(0, timeout=TIMEOUT_MS)
    page.get_by_role("button", name="Cancel", exact=True).click()
    dialog.get_by_label("Now").check(force=True)
    dialog.get_by_role("button", name="Cancel subscription").click()
    expect(page.get_by_text("This subscription has ended")).to_be_visible(timeout=2 * TIMEOUT_MS)
    assert call(url, token) == 403
    guest.look("portal-14-ended")
    page.get_by_role("link", name="Billed Subscriptions").click()
    billing(page)
    page.get_by_role("link", name="Invoices", exact=True).click()
    page.get_by_role("row").nth(1).get_by_role("link").first.click()
    guest.look("portal-15-invoice")


def test_the_reference_tries_a_call_with_ones_own_token(
    browser: Browser, whole_stack: WholeStack, offer: Journey
) -> None:
    """The viewer is served from our origin; nothing is asked of another one but the gateway."""
    base = whole_stack.addresses.portal
    with visitor(browser, own=base) as guest:
        page = guest.page
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{base}/portal/{offer.organization}/apis/{offer.api_id}/reference")
        expect(page.locator("#reference").get_by_text("/things").first).to_be_visible(timeout=2 * TIMEOUT_MS)
        ours = (base, whole_stack.addresses.gateway, "data:", "blob:")
        assert [url for url in asked if not url.startswith(ours)] == []
        guest.look("portal-16-reference", without="#reference")
        assert guest.complaints == []
