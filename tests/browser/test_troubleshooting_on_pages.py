"""The seed's troubleshooting table: the page on which a symptom shows names its cause and its cure."""

import httpx
import pytest
from playwright.sync_api import Browser, expect
from tests.support.browser import TIMEOUT_MS, Visitor, visitor
from tests.support.whole_stack import WholeStack

from journey import provider as steps
from journey.state import Journey


@pytest.fixture
def offer(whole_stack: WholeStack) -> Journey:
    return whole_stack.published_api()


def new_account(stripe: str) -> dict[str, str]:
    found: dict[str, str] = httpx.post(f"{stripe}/_admin/accounts", timeout=30).raise_for_status().json()
    return found


def save_keys(guest: Visitor, secret: str, publishable: str) -> None:
    page = guest.page
    dialog = page.get_by_role("dialog", name="Add Stripe Credentials")
    if not dialog.is_visible():
        page.get_by_role("button", name="Add Stripe Credentials").first.click()
    dialog.get_by_label("Secret Key").fill(secret)
    dialog.get_by_label("Publishable Key").fill(publishable)
    dialog.get_by_role("button", name="Save").click()


@pytest.mark.timeout(300)
def test_stripe_credentials_save_fails(browser: Browser, whole_stack: WholeStack) -> None:
    journey = whole_stack.people()
    steps.organize(journey)
    base, stripe = whole_stack.addresses.portal, whole_stack.addresses.stripe
    one, two = new_account(stripe), new_account(stripe)
    target = f"/console/{journey.organization}/settings/credentials/stripe"
    with visitor(browser, own=base) as guest:
        page = guest.page
        guest.sign_in(base, journey.provider.email, journey.provider.password, target)
        save_keys(guest, one["secret_key"], two["publishable_key"])
        expect(page.get_by_text("copy both from the same")).to_be_visible()
        guest.look("trouble-1-two-accounts")
        path = f"{stripe}/_admin/accounts/{one['account']}/restricted_keys"
        restricted = httpx.post(path, json={"except": ["plan_write"]}, timeout=30).json()
        save_keys(guest, restricted["secret_key"], one["publishable_key"])
        expect(page.get_by_text("The keys were refused")).to_be_visible(timeout=TIMEOUT_MS)
        expect(page.get_by_text("Prices: write (plan_write)").first).to_be_visible()
        guest.look("trouble-2-missing-permission")
        page.get_by_role("link", name="What this means and how to mend it").first.click()
        expect(page.get_by_text("Dashboard").first).to_be_visible()


@pytest.mark.timeout(300)
def test_plans_do_not_appear_in_the_dialog(browser: Browser, whole_stack: WholeStack, offer: Journey) -> None:
    """Its only plan was deactivated: nothing is left to choose."""
    offer.provider.client.call("PATCH", f"/v1/plans/{offer.plan_id}", json={"status": "inactive"})
    base = whole_stack.addresses.portal
    target = f"/portal/{offer.organization}/apis/{offer.api_id}/subscribe"
    with visitor(browser, own=base) as guest:
        guest.sign_in(base, offer.developer.email, offer.developer.password, target)
        dialog = guest.page.get_by_role("dialog", name="Choose Your Subscription Plan")
        expect(dialog.get_by_text("No plan is enabled")).to_be_visible()
        expect(dialog.get_by_text("Manage, Monetize")).to_be_visible()
        expect(dialog.get_by_text("Manage, Lifecycle")).to_be_visible()
        guest.look("trouble-3-no-plan")
    with visitor(browser, own=base) as guest:
        target = f"/console/{offer.organization}/apis/{offer.api_id}/monetize"
        guest.sign_in(base, offer.provider.email, offer.provider.password, target)
        expect(guest.page.get_by_text("There is no active plan")).to_be_visible()
        guest.look("trouble-7-no-active-plan")


@pytest.mark.timeout(300)
def test_stripe_checkout_does_not_open(browser: Browser, whole_stack: WholeStack, offer: Journey) -> None:
    client, stripe = offer.provider.client, whole_stack.addresses.stripe
    account = client.get(f"/v1/organizations/{offer.organization_id}/stripe-credentials")["account_id"]
    closed = {"charges_enabled": False, "requirements": {"disabled_reason": "requirements.past_due"}}
    httpx.post(f"{stripe}/_admin/accounts/{account}", json=closed, timeout=30).raise_for_status()
    base = whole_stack.addresses.portal
    target = f"/portal/{offer.organization}/apis/{offer.api_id}/subscribe"
    with visitor(browser, own=base) as guest:
        page = guest.page
        guest.sign_in(base, offer.developer.email, offer.developer.password, target)
        page.get_by_role("button", name="Subscribe to Pay-as-you-go").click()
        expect(page.get_by_text("It could not begin")).to_be_visible(timeout=TIMEOUT_MS)
        expect(page.get_by_text("requirements.past_due")).to_be_visible()
        expect(page.get_by_text("Tell them, then try again.")).to_be_visible()
        guest.look("trouble-4-checkout-closed")


@pytest.mark.timeout(300)
def test_401_403_and_what_cannot_be_cancelled(browser: Browser, whole_stack: WholeStack, offer: Journey) -> None:
    app = whole_stack.subscribed(offer)
    base, home = whole_stack.addresses.portal, f"/portal/{offer.organization}"
    with visitor(browser, own=base) as guest:
        page = guest.page
        keys = f"{home}/applications/{app.application_id}/keys/production"
        guest.sign_in(base, offer.developer.email, offer.developer.password, keys)
        page.get_by_role("button", name="Generate", exact=True).first.click()
        expect(page.get_by_text("If calls answer 401, it has expired: generate a new one.")).to_be_visible()
        guest.open(f"{base}{home}/billing/subscriptions")
        expect(page.get_by_text("Only who created a subscription can cancel it.")).to_be_visible()
        guest.open(f"{base}{home}/billing")
        expect(page.get_by_text("Calls appear here within about a second.")).to_be_visible()
        offer.developer.client.post(f"/v1/subscriptions/{app.subscription_id}/cancel", {"when": "now"})
        guest.open(f"{base}{home}/billing/subscriptions/{app.subscription_id}")
        expect(page.get_by_text("refused with 403 subscription-ended")).to_be_visible(timeout=TIMEOUT_MS)
        guest.look("trouble-5-ended")
    # The provider's own account sees nothing to cancel: the page says whose it is.
    with visitor(browser, own=base) as guest:
        target = f"{home}/billing/subscriptions"
        guest.sign_in(base, offer.provider.email, offer.provider.password, target)
        guest.page.goto(f"{base}{target}/{app.subscription_id}")
        expect(guest.page.get_by_text("Only who created it may see and cancel it")).to_be_visible()
        guest.look("trouble-6-not-yours")
