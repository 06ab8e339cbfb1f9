"""The seed's steps 1 to 6 through the Console, by the labels that the seed names."""

import re
import secrets

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.support.browser import TIMEOUT_MS, WIDTHS, Visitor, visitor
from tests.support.whole_stack import WholeStack


def menu(guest: Visitor, *names: str) -> None:
    """Lines of the left navigation: `menu(guest, "Admin", "Settings")`."""
    guest.show_navigation()
    side = guest.page.locator("aside.k-side")
    *groups, last = names
    for name in groups:
        summary = side.locator("summary").filter(has_text=name)
        side = summary.locator("xpath=..")
        if side.get_attribute("open") is None:
            summary.click()
    side.get_by_role("link", name=last, exact=True).first.click()


def card(page: Page, name: str) -> Locator:
    """The card of an environment."""
    return page.get_by_role("region", name=name, exact=True)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("width", WIDTHS)
def test_from_the_first_visit_to_the_published_api(browser: Browser, whole_stack: WholeStack, width: int) -> None:
    base = whole_stack.addresses.portal
    with visitor(browser, width=width, own=base) as guest:
        organization = create_organization_and_project(guest, base)
        create_and_deploy(guest, f"{whole_stack.addresses.upstream}/openapi.yaml")
        connect_stripe(guest, whole_stack.addresses.stripe)
        create_plan(guest)
        enable_plan(guest)
        publish(guest)
        guest.open(f"{base}/portal/{organization}/apis")
        expect(guest.page.get_by_role("link", name="Subscribe to Reading List API")).to_be_visible()
        assert guest.complaints == []


def create_organization_and_project(guest: Visitor, base: str) -> str:
    """Step 1. Returns the organization's identifier."""
    page, run = guest.page, secrets.token_hex(4)
    page.goto(base)
    guest.look("console-01-sign-in")
    page.get_by_role("link", name="Create one").click()
    page.get_by_label("Your name").fill("Pat Provider")
    page.get_by_label("E-mail").fill(f"pat-{run}@example.com")
    page.get_by_label("Password").fill("three calm green trees")
    guest.look("console-02-sign-up")
    page.get_by_role("button", name="Create account").click()
    # Signing in for the first time leads to the organization.
    identifier = f"sampleorganization-{run}"
    expect(page.get_by_role("heading", name="Create an organization")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("sampleorganization")
    expect(page.get_by_label("Identifier")).to_have_value("sampleorganization")
    page.get_by_label("Identifier").fill(identifier)
    page.get_by_label("I accept the privacy policy").check()
    page.get_by_label("I accept the terms of use").check()
    guest.look("console-03-create-an-organization")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="sampleorganization")).to_be_visible()
    guest.look("console-04-home")
    page.get_by_role("main").get_by_role("link", name="Create Project").first.click()
    page.get_by_label("Display Name").fill("Sample Project")
    expect(page.get_by_label("Identifier")).to_have_value("sample-project")
    page.get_by_label("Description").fill("My sample project")
    guest.look("console-05-create-project")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="Sample Project")).to_be_visible()
    guest.look("console-06-project")
    return identifier


def create_and_deploy(guest: Visitor, contract: str) -> None:
    """Step 2."""
    page = guest.page
    page.get_by_role("main").get_by_role("link", name="API Proxy").click()
    guest.look("console-07-api-proxy")
    page.get_by_role("link", name="Import API Contract").click()
    page.get_by_role("link", name="URL for API Contract").click()
    page.get_by_label("URL", exact=True).fill(contract)
    guest.look("console-08-import")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", level=1, name="Create API Proxy")).to_be_visible()
    expect(page.get_by_label("Display Name")).to_have_value("Reading List API")
    guest.look("console-09-create-api-proxy")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="Reading List API")).to_be_visible()
    expect(page.get_by_text("GET", exact=True).first).to_be_visible()
    guest.look("console-10-api-overview")
    menu(guest, "Deploy")
    guest.look("console-11-deploy-before")
    card(page, "Development").get_by_role("button", name="Deploy").click()
    expect(card(page, "Development").get_by_text("Active")).to_be_visible()
    guest.look("console-12-deploy-development")
    page.get_by_role("button", name="Promote").click()
    dialog = page.get_by_role("dialog", name="Promote to Production")
    dialog.get_by_label("Use Development endpoint configuration").check(force=True)
    guest.look("console-13-promote")
    dialog.get_by_role("button", name="Next").click()
    production = card(page, "Production")
    expect(production.get_by_text("Deployment Status")).to_be_visible()
    expect(production.get_by_text("Active")).to_be_visible()
    guest.look("console-14-production-active")


def connect_stripe(guest: Visitor, stripe: str) -> None:
    """Step 3."""
    page = guest.page
    page.get_by_label(re.compile("^Organization: ")).click()
    page.get_by_role("link", name="sampleorganization", exact=False).filter(has_text="admin").click()
    expect(page.get_by_role("heading", level=1, name="sampleorganization")).to_be_visible()
    menu(guest, "Admin", "Settings")
    page.get_by_role("link", name="Credentials", exact=True).click()
    page.get_by_role("link", name="Stripe Credentials", exact=True).click()
    guest.look("console-15-stripe-not-connected")
    keys = httpx.post(f"{stripe}/_admin/accounts", timeout=30).raise_for_status().json()
    page.get_by_role("button", name="Add Stripe Credentials").click()
    dialog = page.get_by_role("dialog", name="Add Stripe Credentials")
    dialog.get_by_label("Secret Key").fill(keys["secret_key"])
    dialog.get_by_label("Publishable Key").fill(keys["publishable_key"])
    guest.look("console-16-add-stripe-credentials")
    dialog.get_by_role("button", name="Save").click()
    said = "Your Stripe account is connected and ready to process payments for API subscriptions."
    expect(page.get_by_text(said)).to_be_visible(timeout=TIMEOUT_MS)
    guest.look("console-17-stripe-connected")


def create_plan(guest: Visitor) -> None:
    """Step 4."""
    page = guest.page
    menu(guest, "Admin", "Settings")
    page.get_by_role("link", name="Subscription Plans", exact=True).click()
    guest.look("console-18-no-plan")
    page.get_by_role("link", name="Create", exact=True).click()
    form = page.locator("#plan-form")
    form.get_by_label("Name", exact=True).fill("Pay-as-you-go")
    form.get_by_label("Description").fill("Pay $0.02 per API request, billed monthly")
    form.get_by_label("Request Count", exact=True).fill("1000")
    form.get_by_label("Request Count Time Unit").select_option(label="Minute")
    form.get_by_role("group", name="Pricing Model").get_by_label(re.compile("^Unit")).check(force=True)
    form.get_by_label("Currency").select_option(label="USD")
    form.get_by_label("Billing Period").select_option(label="Monthly")
    form.get_by_label("Unit Amount", exact=True).fill("0.02")
    expect(page.locator("#plan-preview strong", has_text="$20.00")).to_be_visible()
    guest.look("console-19-create-plan")
    form.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("row", name=re.compile("Pay-as-you-go"))).to_be_visible()
    guest.look("console-20-plans")


def enable_plan(guest: Visitor) -> None:
    """Step 5."""
    page = guest.page
    menu(guest, "Home")
    page.get_by_role("main").get_by_role("link", name=re.compile("Sample Project")).click()
    page.get_by_role("main").get_by_role("link", name="Reading List API", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="Reading List API")).to_be_visible()
    menu(guest, "Manage", "Monetize")
    page.get_by_role("switch", name="Pay-as-you-go").check(force=True)
    guest.look("console-21-monetize")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("complementary", name="Preview").get_by_text("Pay-as-you-go")).to_be_visible()
    expect(page.get_by_role("switch", name="Pay-as-you-go")).to_be_checked()
    guest.look("console-22-monetized")


def publish(guest: Visitor) -> None:
    """Step 6."""
    page = guest.page
    menu(guest, "Manage", "Lifecycle")
    guest.look("console-23-lifecycle")
    page.get_by_role("button", name="Publish", exact=True).click()
    dialog = page.get_by_role("dialog", name="Publish API")
    expect(dialog.get_by_text("Pay-as-you-go")).to_be_visible()
    guest.look("console-24-publish-api")
    dialog.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("In the Developer Portal; developers can subscribe.").first).to_be_visible()
    guest.look("console-25-published")
