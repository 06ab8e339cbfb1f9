"""The Console's pages beside the seed's journey: what a provider meets afterwards, each with its acts."""

import re
import secrets

import httpx
import pytest
from playwright.sync_api import Browser, expect
from tests.support.browser import TIMEOUT_MS, WIDTHS, Visitor, visitor
from tests.support.whole_stack import WholeStack

from journey.expect import wait_for
from journey.state import Journey

BROKEN = """openapi: 3.0.3
info:
  title: Broken
  version: 1.0.0
paths:
  /books:
    get:
      operationId: listBooks
      responses:
        200: {description: ok}
    post:
      operationId: listBooks
      responses:
        200: {description: ok}
  books: {}
"""
TIERS = (("1000", "0.02"), ("", "0.01"))


@pytest.fixture(scope="module")
def offer(whole_stack: WholeStack) -> Journey:
    """A published API with a subscriber who calls, now and then without success, and three revisions."""
    made = whole_stack.published_api()
    client = made.provider.client
    for _ in range(2):
        client.post(f"/v1/apis/{made.api_id}/deployments", {"environment": "development"})
    app = whole_stack.subscribed(made, "Reading List App")
    headers = {"Authorization": f"Bearer {app.access_token}"}
    for path in ("things",) * 12 + ("broken",) * 3:
        httpx.get(f"{made.api_url}/{path}", headers=headers, timeout=30)
    return made


@pytest.mark.timeout(600)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_beside_the_journey(browser: Browser, whole_stack: WholeStack, offer: Journey, width: int) -> None:
    base, home = whole_stack.addresses.portal, f"/console/{offer.organization}"
    with visitor(browser, width=width, own=base) as guest:
        guest.sign_in(base, offer.provider.email, offer.provider.password, home)
        expect(guest.page.get_by_text("Calls, last 24 hours").first).to_be_visible()
        guest.look("console-30-home-later")
        api = f"{base}{home}/apis/{offer.api_id}"
        contract(guest, api)
        roll_back(guest, api)
        figures(guest, base + home, api)
        the_sample_and_a_first_plan(guest, base + home)
        plans(guest, base + home)
        people(guest, browser, whole_stack, base + home)
        account(guest, base)
        guest.open(f"{base}/problems")
        guest.look("console-50-problems")
        assert guest.page.goto(f"{base}/console/nobody").status == 404  # type: ignore[union-attr]
        guest.look("console-51-not-found")
        assert [said for said in guest.complaints if "404 (Not Found)" not in said] == []


def contract(guest: Visitor, api: str) -> None:
    """Errors by line; then what would change."""
    page = guest.open(f"{api}/contract?source=document")
    page.get_by_label("Contract").fill(BROKEN)
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text(re.compile(r"\d+ errors?\. Correct"))).to_be_visible()
    assert page.locator("ol li code").first.inner_text().split(":")[0].isdigit()
    guest.look("console-31-contract-errors")
    page.get_by_label("Contract").fill(BROKEN.replace("listBooks", "addBook", 1).replace("  books: {}\n", ""))
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", name="What would change")).to_be_visible()
    expect(page.get_by_text("GET /things")).to_be_visible()
    guest.look("console-32-contract-difference")
    guest.complaints[:] = [said for said in guest.complaints if "422 (Unprocessable" not in said]


def roll_back(guest: Visitor, api: str) -> None:
    page = guest.open(f"{api}/deploy")
    page.get_by_role("button", name="Roll back development to revision 1").click()
    expect(page.get_by_text(re.compile(r"Development is back at revision 1, as revision \d+\."))).to_be_visible()
    expect(page.get_by_text("back to 1").first).to_be_visible()
    guest.look("console-33-rolled-back")


def figures(guest: Visitor, home: str, api: str) -> None:
    page = guest.open(f"{api}/insights?span=24h")
    expect(page.locator(".k-stat", has_text="Calls").first).to_contain_text(re.compile(r"\d+"), timeout=TIMEOUT_MS)
    guest.look("console-34-insights")
    page = guest.open(f"{home}/subscriptions")
    expect(page.get_by_text("Dana Developer").first).to_be_visible()
    guest.look("console-35-subscriptions")
    page.get_by_role("button", name="End", exact=True).first.click()
    expect(page.get_by_role("dialog", name="End this subscription?")).to_be_visible()
    guest.look("console-36-end-subscription")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page = guest.open(f"{home}/subscriptions?search=nobody")
    expect(page.get_by_text("Nothing fits")).to_be_visible()
    guest.look("console-37-nothing-fits")
    page = guest.open(f"{home}/settings/payments")
    page.get_by_label("Grace", exact=True).fill("5")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved: 5 days of grace")).to_be_visible()
    guest.look("console-38-payments")


def the_sample_and_a_first_plan(guest: Visitor, home: str) -> None:
    """The sample is one click away; a plan that was missing on an API leads back to that API."""
    page, name = guest.page, f"Sample {secrets.token_hex(3)}"
    guest.open(f"{home}/projects/new")
    page.get_by_label("Display Name").fill(name)
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    page.get_by_role("button", name="Start with the sample").click()
    if page.get_by_role("heading", level=1, name="Create API Proxy").is_visible():
        # The other width's walk has taken its address: the form says so, at the field.
        page.get_by_label("Identifier").fill(f"sample-{secrets.token_hex(3)}")
        page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="Reading List API")).to_be_visible()
    api = page.url
    guest.open(f"{home}/settings/plans/new?api={api.rpartition('/')[2]}")
    page.get_by_label("Name", exact=True).fill(f"{name} plan")
    page.get_by_role("group", name="Pricing Model").get_by_label(re.compile("^Free")).check(force=True)
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_url(f"{api}/monetize")
    expect(page.get_by_role("switch", name=f"{name} plan")).to_be_visible()
    guest.complaints[:] = [said for said in guest.complaints if "422 (Unprocessable" not in said]
    guest.complaints[:] = [said for said in guest.complaints if "409 (Conflict" not in said]


def plans(guest: Visitor, home: str) -> None:
    """The editor with each pricing model, and its price drawn."""
    for number, (model, amounts, shown) in enumerate(MODELS):
        page = guest.open(f"{home}/settings/plans/new")
        form = page.locator("#plan-form")
        form.get_by_label("Name", exact=True).fill(f"{model} plan")
        form.get_by_role("group", name="Pricing Model").get_by_label(re.compile(f"^{model}")).check(force=True)
        for label, value in amounts:
            form.get_by_label(label, exact=True).fill(value)
        if model in ("Volume", "Graduated"):
            while form.get_by_label("Tier 1: up to").count() == 0:
                form.get_by_role("button", name="Add a tier").click()
                expect(form.get_by_label("Tier 2: unit amount")).to_be_visible()
            form.get_by_label("Tier 1: up to").fill(TIERS[0][0])
            for index, (_, amount) in enumerate(TIERS):
                form.get_by_label(f"Tier {index + 1}: unit amount").fill(amount)
        expect(page.locator("#plan-preview :is(strong, p)", has_text=shown).first).to_be_visible()
        guest.look(f"console-4{number}-plan-{model.lower()}")
    page = guest.open(f"{home}/settings/plans")
    page.get_by_role("link", name="Pay-as-you-go").click()
    expect(page.get_by_text("Changed terms make a new version")).to_be_visible()
    guest.look("console-46-plan-with-subscribers")


MODELS = (
    ("Free", (), "Free"),
    ("Flat", (("Flat Amount", "49.00"),), "$49.00"),
    ("Volume", (), "$100.00"),
    ("Graduated", (), "$110.00"),
    ("Package", (("Unit Amount", "5.00"), ("Package Size", "1000")), "$50.00"),
)


def mail_link(whole_stack: WholeStack, address: str, part: str) -> str:
    """The newest mail's link."""
    mailbox = whole_stack.addresses.mailbox

    def look() -> str | None:
        mails = httpx.get(f"{mailbox}/mails.json", params={"to": address}, timeout=30).json()
        return next((link for mail in mails for link in mail["links"] if part in link), None)

    return str(wait_for(f"a mail to {address}", look, seconds=60, pause_seconds=0.1))


def people(guest: Visitor, browser: Browser, whole_stack: WholeStack, home: str) -> None:
    """Invite, join, give another role, and find all of it in the audit log."""
    address = re.search(r"//[^/]+", home)
    assert address is not None
    base = f"http:{address.group()}"
    page = guest.open(f"{home}/members")
    if page.get_by_text("Confirm your own address first").count():
        guest.look("console-60-members-unconfirmed")
        page.goto(f"{base}/account")
        mine = page.locator("main").get_by_text("@example.com").first.inner_text()
        guest.open(mail_link(whole_stack, mine, "/verify-email"))
        page.get_by_role("button", name="Confirm this address").click()
        page = guest.open(f"{home}/members")
    invited = f"grace-{secrets.token_hex(4)}@example.com"
    page.get_by_label("E-mail").fill(invited)
    page.get_by_role("group", name="Role").get_by_label(re.compile("^Viewer")).check(force=True)
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_role("heading", name="Open invitations")).to_be_visible()
    guest.look("console-61-invited")
    with visitor(browser, width=guest.width, own=base) as friend:
        friend.open(mail_link(whole_stack, invited, "/invitations/accept"))
        friend.look("console-62-invitation")
        friend.page.get_by_role("link", name="Create account").click()
        friend.page.get_by_label("Your name").fill("Grace Hopper")
        friend.page.get_by_label("Password").fill("three calm green trees")
        friend.page.get_by_role("button", name="Create account").click()
        friend.page.get_by_role("button", name="Accept").click()
        expect(friend.page.get_by_role("heading", level=1)).to_be_visible()
        # A viewer looks, and is told who may change things.
        friend.open(f"{home}/settings/plans/new")
        expect(friend.page.get_by_text("Only an admin may change plans")).to_be_visible()
        friend.look("console-63-viewer")
        assert friend.complaints == []
    page = guest.open(f"{home}/members")
    page.get_by_label("Role of Grace Hopper").last.select_option("publisher")
    expect(page.get_by_text("Grace Hopper is publisher now.")).to_be_visible()
    guest.look("console-64-members")
    page = guest.open(f"{home}/audit-log")
    expect(page.get_by_role("row").filter(has_text="Made a member publisher").first).to_be_visible()
    guest.look("console-65-audit-log")


def account(guest: Visitor, base: str) -> None:
    page = guest.open(f"{base}/account")
    guest.look("console-66-account")
    page.get_by_role("link", name="Access tokens").click()
    name = f"laptop {secrets.token_hex(3)}"
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_role("heading", name="Save this token now")).to_be_visible()
    page.get_by_role("button", name="Copy the token").click()
    guest.look("console-67-access-token")
    page.get_by_role("button", name=f"Revoke {name}").click()
    asked = page.get_by_role("dialog", name=f"Revoke {name}?")
    expect(asked.get_by_text("refused with 401")).to_be_visible()
    guest.look("console-69-revoke-token")
    asked.get_by_role("button", name="Revoke token").click()
    expect(page.get_by_role("button", name=f"Revoke {name}")).to_have_count(0)
    page.get_by_role("link", name="Security").click()
    expect(page.get_by_text("What happened to your account")).to_be_visible()
    guest.look("console-68-security")
