"""After the journey: what a provider and a developer have after a while, so that every page has something to show.

More customers beside Dana: one pays a fee and uses much, one's card fails at the first bill. All of it goes through the
same doors as the journey; business time is moved on day by day.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import httpx

from journey.checkout import FAILS_LATER, GOOD
from journey.client import Client
from journey.developer import generate, keep_a_second_application, make_calls, subscribe_application, usage
from journey.expect import wait_for
from journey.provider import WAIT, sign_up
from journey.state import Journey, Person
from sandbox_clock import advance_by

# Calls of the application that stays, every other day of business time.
CALLS = (23, 41, 17, 52, 34)
HOURS_BETWEEN = 48
# (hours that pass, calls that follow) before the last ones. With the first the week ends for whom it is billed; its
# invoice falls due with the second. A chart of 24 hours has more than one bar.
LAST_DAYS = ((24, 19), (12, 8), (11, 0))
FREE = {
    "name": "Community",
    "description": "For trying things out: no card, a gentle rate limit",
    "rate_limit": {"count": 30, "unit": "minute"},
    "pricing_model": "free",
    "billing_period": "month",
}
TEAM = {
    "name": "Team",
    "description": "$49 a month with 50 requests, then one cent each",
    "rate_limit": {"count": 100, "unit": "second"},
    "pricing_model": "unit",
    "billing_period": "month",
    "flat_amount_decimal": "4900",
    "unit_amount_decimal": "1",
    "included_units": 50,
}
WEEKLY = {
    "name": "Week by week",
    "description": "Ten cents a request, billed each week",
    "rate_limit": {"count": 1000, "unit": "minute"},
    "pricing_model": "unit",
    "billing_period": "week",
    "unit_amount_decimal": "10",
}
BRANDING = {"portal_name": "Reading Room", "accent_light": "#7c3aed"}
ABOUT = """\
We lend books, and the lists of them.

## What you find here
- the **Reading List API**: every book, searchable, with its state
- the **Book Club API**: who reads what, and when you meet

Questions? Write to <api@reading-room.example>.
"""


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody else who subscribes: with which card to which plan, and how much they call every other day."""

    name: str
    application: str
    terms: Mapping[str, object]
    card: str
    calls: tuple[int, ...]


# Mei is billed within these days, and her card fails.
CUSTOMERS = (
    Customer("Omar Reyes", "Book Finder", TEAM, GOOD, (16, 0, 24, 0, 21)),
    Customer("Mei Lin", "Shelf Sync", WEEKLY, FAILS_LATER, (25, 0, 0, 18)),
)


@dataclass(slots=True)
class User:
    """Whose second application calls, how often, and what the usage summary must have of it."""

    journey: Journey
    calls: tuple[int, ...]
    units: int = 0

    def call(self, count: int) -> None:
        """Through the gateway."""
        make_calls(self.journey, self.journey.second.access_token, count)
        self.units += count

    def call_at(self, visit: int) -> None:
        """As often as they do then; one look for a book that nobody has is answered with 404, and not billed."""
        count = self.calls[visit] if visit < len(self.calls) else 0
        if count:
            self.call(count)
            headers = {"Authorization": f"Bearer {self.journey.second.access_token}"}
            httpx.get(f"{self.journey.api_url}/books/lost", headers=headers, timeout=30)

    def is_counted(self) -> bool:
        """Whether the usage summary has it all."""
        return int(str(usage(self.journey, self.journey.second.subscription_id)["units"])) >= self.units

    def period_start(self) -> str:
        """Of the present billing period."""
        subscription = self.journey.developer.client.get(f"/v1/subscriptions/{self.journey.second.subscription_id}")
        return str(subscription["current_period_start"])


def furnish(journey: Journey) -> None:
    """An application that stays, a second API, the portal's own looks, more customers, and some days of usage."""
    plans = [_create_plan(journey, customer.terms) for customer in CUSTOMERS]
    offered = [plan["id"] for plan in journey.provider.client.get(f"/v1/apis/{journey.api_id}/plans")["data"]]
    journey.provider.client.put(f"/v1/apis/{journey.api_id}/plans", {"plan_ids": [*offered, *plans]})
    with ThreadPoolExecutor(len(CUSTOMERS) + 2) as pool:
        joining = pool.map(partial(_join, journey), CUSTOMERS, plans)
        beside = [pool.submit(_settle, journey), pool.submit(_dress, journey)]
        joined = list(joining)
        for one in beside:
            one.result()
    _use_for_some_days([User(journey, CALLS), *map(User, joined, (customer.calls for customer in CUSTOMERS))])


def _dress(journey: Journey) -> None:
    """The portal's looks; and both people confirm their addresses, so that no page reminds them."""
    client = Client(journey.addresses.portal, journey.provider.token)
    path = f"/v1/organizations/{journey.organization_id}/branding"
    client.put(path, BRANDING)
    client.put(f"{path}/pages/about", {"markdown": ABOUT})
    for person in (journey.provider, journey.developer):
        _confirm_address(journey, person)


def _create_plan(journey: Journey, terms: Mapping[str, object]) -> str:
    return str(journey.provider.client.post(f"/v1/organizations/{journey.organization_id}/plans", terms)["id"])


def _settle(journey: Journey) -> None:
    """Dana's second application, subscribed to both APIs."""
    keep_a_second_application(journey)
    client = Client(journey.addresses.portal, journey.provider.token)
    base = f"/v1/organizations/{journey.organization_id}"
    document: dict[str, Any] = {
        "openapi": {"url": f"{journey.addresses.upstream}/openapi.yaml"},
        "display_name": "Book Club API",
        "identifier": "book-club-api",
    }
    api = client.post(f"{base}/projects/{journey.project_id}/apis", document)
    client.post(f"/v1/apis/{api['id']}/deployments", {"environment": "development"})
    client.post(f"/v1/apis/{api['id']}/promotions", {"use_development_endpoint_configuration": True})
    plan = client.post(f"{base}/plans", FREE)
    client.put(f"/v1/apis/{api['id']}/plans", {"plan_ids": [plan["id"], journey.plan_id]})
    client.post(f"/v1/apis/{api['id']}/lifecycle", {"action": "publish"})
    wanted = {"api_id": api["id"], "plan_id": plan["id"]}
    path = f"/v1/applications/{journey.second.application_id}/subscriptions"
    journey.developer.client.post(path, wanted, headers=WAIT)


def _join(journey: Journey, customer: Customer, plan: str) -> Journey:
    """The customer's own journey: an account, an application, a paid subscription, a token."""
    email = f"{customer.name.split()[0].lower()}-{journey.run}@example.com"
    person = Person(email, journey.developer.password, Client(journey.addresses.portal))
    sign_up(person, customer.name)
    theirs = replace(journey, developer=person, calls_made=0)
    theirs.second = subscribe_application(theirs, customer.application, plan, card=customer.card)
    generate(theirs, theirs.second)
    return theirs


def _confirm_address(journey: Journey, person: Person) -> None:
    """By the link in the mail."""

    def link() -> str | None:
        mails = httpx.get(f"{journey.addresses.mailbox}/mails.json", params={"to": person.email}, timeout=30).json()
        links = [str(one) for mail in mails for one in mail["links"] if "/verify-email?token=" in one]
        return links[0] if links else None

    token = wait_for("the mail with the link", link, seconds=30, pause_seconds=0.1).partition("token=")[2]
    Client(journey.addresses.portal).post("/v1/email-verifications/confirm", {"token": token})


def _use_for_some_days(users: list[User]) -> None:
    """Calls are counted before business time moves on: what is on its way would count for the time after."""
    dana, mei = users[0], users[-1]
    visits = len(CALLS)
    for visit in range(visits):
        with ThreadPoolExecutor(len(users)) as pool:
            list(pool.map(partial(User.call_at, visit=visit), users))
        _wait_until_counted(users if visit < visits - 1 else [dana])
        if visit < visits - 2:
            _pass_time(dana.journey, HOURS_BETWEEN)
        elif visit == visits - 2:
            _pass_the_last_days(dana, mei)


def _pass_the_last_days(dana: User, mei: User) -> None:
    before = mei.period_start()
    for hours, calls in LAST_DAYS:
        _pass_time(dana.journey, hours)
        wait_for("the week's end", lambda: mei.period_start() != before, seconds=60, pause_seconds=0.1)
        if calls:
            dana.call(calls)
            _wait_until_counted([dana])


def _wait_until_counted(users: list[User]) -> None:
    for user in users:
        wait_for("the calls in the usage summary", user.is_counted, seconds=60)


def _pass_time(journey: Journey, hours: int) -> None:
    addresses = journey.addresses
    advance_by(
        timedelta(hours=hours),
        stripe_url=addresses.stripe,
        bootstrap_servers=addresses.kafka,
        topic_prefix=addresses.topic_prefix,
    )
