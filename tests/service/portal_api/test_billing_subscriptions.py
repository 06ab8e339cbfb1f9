"""Subscribe, pay, see usage and invoices, cancel: the portal's side, on real Kafka and PostgreSQL."""

import asyncio
import base64
import random
import re
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from nacl.public import SealedBox
from tests.support.containers import DatabaseFactory
from tests.support.eventually import eventually
from tests.support.portal_service import PortalService, running_portal
from tests.support.subscribers import END, PAYG, START, application_of, has_status, state, subscribed, wanted, window

from shared.events.billing import (
    CheckoutOpened,
    CheckResult,
    InvoiceLine,
    InvoiceUpdated,
    StripeConnected,
    StripeConnectRequested,
    StripeRefused,
)
from shared.events.envelope import decode
from shared.events.subscriptions import SubscriptionCancelRequested, SubscriptionRequested
from shared.events.topics import (
    BILLING_COMMANDS,
    BILLING_EVENTS,
    METERING_USAGE,
    SUBSCRIPTIONS_COMMANDS,
    SUBSCRIPTIONS_STATE,
)
from shared.events.usage import UsageComplete


@pytest.fixture(scope="module")
def database_url(database: DatabaseFactory) -> str:
    return database("portal_billing")


@pytest.fixture
async def service(kafka_bootstrap: str, topic_prefix: str, database_url: str) -> AsyncIterator[PortalService]:
    async with running_portal(kafka_bootstrap, topic_prefix, database_url) as running:
        yield running


async def test_subscribe_waits_for_the_checkout_and_cancel_frees_the_pair(service: PortalService) -> None:
    provider, developer = await service.user("provider"), await service.user("developer")
    offer = await service.published_api(provider, plan=PAYG)
    application = await application_of(developer, offer)
    path = f"/v1/applications/{application}/subscriptions"
    key = secrets.token_hex(16)
    created = await developer.post(path, wanted(offer), status=202, Idempotency_Key=key)
    assert (created["status"], created["checkout_url"]) == ("pending", None)
    command = decode((await service.heard(SUBSCRIPTIONS_COMMANDS, created["id"]))[0], SubscriptionRequested)
    assert command.api_version > 0
    assert command.plan_version > 0
    assert command.success_url.endswith(f"/portal/{offer.organization}/checkout/return?subscription={created['id']}")

    async def other_services() -> None:
        await service.say(SUBSCRIPTIONS_STATE, created["id"], state(command, 1, "pending_payment"))
        opened = CheckoutOpened(
            subscription_id=created["id"], session_id="cs_1", url="https://checkout.test/cs_1", expires_at=END
        )
        await service.say(BILLING_EVENTS, created["id"], opened)

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(
            developer.post(path, wanted(offer), status=202, Idempotency_Key=key, Prefer="wait=10")
        )
        group.create_task(other_services())
    answer = waiting.result()
    assert (answer["id"], answer["status"]) == (created["id"], "pending_payment")
    assert answer["checkout_url"] == "https://checkout.test/cs_1"
    second = await developer.send("POST", path, wanted(offer))
    assert (second.status_code, second.json()["type"].rpartition("/")[2]) == (409, "already-subscribed")

    stranger = await service.user("stranger")
    assert (await stranger.send("POST", f"/v1/subscriptions/{created['id']}/cancel")).status_code == 404
    await service.say(SUBSCRIPTIONS_STATE, created["id"], state(command, 2, "active"))
    await eventually(lambda: has_status(developer, created["id"], "active"))
    assert (await developer.get(f"/v1/subscriptions/{created['id']}"))["checkout_url"] is None
    await developer.post(f"/v1/subscriptions/{created['id']}/cancel", {"when": "now"}, status=202)
    order = decode((await service.heard(SUBSCRIPTIONS_COMMANDS, created["id"], 2))[1], SubscriptionCancelRequested)
    assert (order.when, order.by, order.user_id) == ("now", "developer", developer.id)
    # Versions out of order: the newest stays.
    ended = state(command, 4, "canceled", ended_by="developer")
    await service.say(SUBSCRIPTIONS_STATE, created["id"], ended, state(command, 3, "canceling"))
    await eventually(lambda: has_status(developer, created["id"], "canceled"))
    assert (await developer.post(path, wanted(offer), status=202))["id"] != created["id"]
    assert await has_status(developer, created["id"], "canceled")


async def test_a_canceled_one_frees_its_pair_before_its_final_invoice_is_done(service: PortalService) -> None:
    provider, developer = await service.user("provider"), await service.user("developer")
    offer = await service.published_api(provider, plan=PAYG)
    application = await application_of(developer, offer)
    path = f"/v1/applications/{application}/subscriptions"
    first = (await developer.post(path, wanted(offer), status=202))["id"]
    command = decode((await service.heard(SUBSCRIPTIONS_COMMANDS, first))[0], SubscriptionRequested)
    await service.say(SUBSCRIPTIONS_STATE, first, state(command, 1, "active"), state(command, 2, "canceling"))
    await eventually(lambda: has_status(developer, first, "canceling"))
    second = (await developer.post(path, wanted(offer), status=202))["id"]
    # The first one's end takes nothing from the second.
    await service.say(SUBSCRIPTIONS_STATE, first, state(command, 3, "canceled"))
    await eventually(lambda: has_status(developer, first, "canceled"))
    third = await developer.send("POST", path, wanted(offer))
    assert third.status_code == 409 and second in third.json()["detail"]


async def test_of_many_requests_at_once_exactly_one_gets_the_pair(service: PortalService) -> None:
    provider, developer = await service.user("provider"), await service.user("developer")
    offer = await service.published_api(provider, plan=PAYG)
    application = await application_of(developer, offer)
    path = f"/v1/applications/{application}/subscriptions"
    answers = await asyncio.gather(*(developer.send("POST", path, wanted(offer)) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 7
    rows = await service.sql("select count(*) from subscriptions where application_id = :id", id=application)
    assert rows[0][0] == 1


async def test_what_cannot_be_subscribed_to(service: PortalService) -> None:
    provider, developer = await service.user("provider"), await service.user("developer")
    offer = await service.published_api(provider, plan=PAYG)
    other = await service.published_api(provider, plan={"name": "Free", "pricing_model": "free"})
    application = await application_of(developer, offer)
    path = f"/v1/applications/{application}/subscriptions"

    async def refused(body: dict[str, str]) -> tuple[int, str]:
        answer = await developer.send("POST", path, body)
        return answer.status_code, answer.json()["type"].rpartition("/")[2]

    assert await refused({**wanted(offer), "plan_id": other.plan_id}) == (409, "plan-not-enabled")
    assert await refused(wanted(other)) == (404, "api-not-found")
    await service.sql(
        "update stripe_connections set connected = false where organization_id = :id", id=offer.organization_id
    )
    assert await refused(wanted(offer)) == (409, "stripe-not-connected")
    assert (await refused({"api_id": offer.api_id}))[0] == 422


async def test_usage_in_any_order_gives_the_highest_revisions_and_the_seeds_sum(service: PortalService) -> None:
    developer, offer, command = await subscribed(service)
    path = f"/v1/portal/{offer.organization}/billing/usage-summary"
    assert (await developer.get(path))["total_billed_api_calls"] == 0
    revisions = [window(command, minute, revision, revision * 10) for minute in range(5) for revision in (1, 2)]
    revisions += [window(command, 0, 9, 1000, environment="sandbox", billable=False)]
    revisions += [window(command, 0, 1, 7, billable=False, status_class=5)]
    random.shuffle(revisions)
    until = START + timedelta(hours=1)
    await service.say(METERING_USAGE, command.subscription_id, *revisions, *revisions[:4])
    await service.say(METERING_USAGE, command.subscription_id, UsageComplete(complete_until=until))

    async def complete() -> dict[str, Any] | None:
        found = await developer.get(path)
        return found if found["complete_until"] else None

    summary = await eventually(complete)
    assert summary["total_billed_api_calls"] == 100
    assert summary["active_subscriptions"] == 1
    assert summary["estimated_cost"] == [{"currency": "usd", "amount_minor": 200, "formatted": "$2.00"}]
    line = summary["subscriptions"][0]
    assert (line["plan"]["name"], line["calls"], line["calls_not_billed"], line["units"]) == (
        "Pay-as-you-go",
        100,
        7,
        100,
    )
    assert [one["text"] for one in line["lines"]] == ["100 × $0.02 = $2.00"]
    totals = await service.sql(
        "select sum(calls) from usage_totals where subscription_id = :id", id=command.subscription_id
    )
    windows = await service.sql(
        "select sum(calls) from usage_windows where subscription_id = :id", id=command.subscription_id
    )
    assert totals[0][0] == windows[0][0] == 1107


async def test_invoices_newest_observation_wins_and_pages_do_not_overlap(service: PortalService) -> None:
    developer, offer, command = await subscribed(service)
    line = InvoiceLine(
        description="100 × Pay-as-you-go", quantity=100, amount_minor=200, period_start=START, period_end=END,
        unit_amount_decimal=Decimal(2),
    )  # fmt: skip

    def invoice(number: int, observed: int, status: str) -> InvoiceUpdated:
        return InvoiceUpdated(
            invoice_id=f"in_{command.subscription_id}_{number}", organization_id=offer.organization_id,
            developer_id=developer.id, subscription_id=command.subscription_id, observed=observed,
            status=status,  # type: ignore[arg-type]
            currency="usd", total_minor=200, amount_due_minor=200, amount_paid_minor=200, lines=(line,),
            created_at=START + timedelta(days=number), period_start=START, period_end=END,
            hosted_invoice_url="https://invoice.test/1",
        )  # fmt: skip

    await service.say(BILLING_EVENTS, command.subscription_id, invoice(1, 2, "paid"), invoice(1, 1, "open"))
    await service.say(BILLING_EVENTS, command.subscription_id, invoice(2, 1, "draft"), invoice(3, 1, "draft"))
    path = f"/v1/portal/{offer.organization}/billing/invoices"

    async def all_three() -> dict[str, Any] | None:
        page = await developer.get(path)
        return page if len(page["data"]) == 3 else None

    page = await eventually(all_three)
    assert [one["status"] for one in page["data"]] == ["draft", "draft", "paid"]
    assert page["data"][2]["lines"][0]["unit_amount_decimal"] == "2"
    assert page["data"][2]["total_formatted"] == "$2.00"
    first = await developer.get(f"{path}?limit=2")
    rest = await developer.get(f"{path}?limit=2&after={first['next']}")
    assert [one["id"] for one in [*first["data"], *rest["data"]]] == [one["id"] for one in page["data"]]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    one = await developer.get(f"{path}/{page['data'][2]['id']}")
    assert (one["hosted_invoice_url"], one["status"]) == ("https://invoice.test/1", "paid")
    as_csv = (await developer.send("GET", f"{path}.csv")).text.splitlines()
    assert len(as_csv) == 4
    assert as_csv[3].startswith(f"{page['data'][2]['id']},,paid,")
    stranger = await service.user("stranger")
    assert (await stranger.get(path))["data"] == []
    assert (await stranger.send("GET", f"{path}/{page['data'][2]['id']}")).status_code == 404


async def test_stripe_keys_are_sealed_checked_and_never_shown(service: PortalService) -> None:
    provider, stranger = await service.user("provider"), await service.user("stranger")
    offer = await service.published_api(provider, plan={"name": "Free", "pricing_model": "free"})
    path = f"/v1/organizations/{offer.organization_id}/stripe-credentials"
    secret = f"sk_test_{secrets.token_hex(16)}"
    keys = {"secret_key": secret, "publishable_key": "pk_test_51AbCdEfGh"}
    assert (await stranger.send("PUT", path, keys)).status_code == 404
    wrong = await provider.send("PUT", path, {**keys, "publishable_key": "pk_live_51AbCdEfGh"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "publishable_key")
    assert secret not in wrong.text
    assert (await provider.send("PUT", path, keys)).json()["status"] == "pending"
    command = decode((await service.heard(BILLING_COMMANDS, offer.organization_id))[0], StripeConnectRequested)
    opened = SealedBox(service.sealing).decrypt(base64.b64decode(command.sealed_secret_key))
    assert opened.decode() == secret
    for table in ("stripe_connections", "outbox", "idempotency_keys"):
        assert secret not in str(await service.sql(f"select * from {table}"))
    connected = StripeConnected(
        organization_id=offer.organization_id, connection_id=command.connection_id, account_id="acct_1",
        livemode=False, charges_enabled=True, publishable_key=keys["publishable_key"],
        checks=(CheckResult(name="same_account", outcome="ok", detail=""),),
    )  # fmt: skip
    await service.say(BILLING_EVENTS, offer.organization_id, connected)

    async def status(wanted_status: str) -> dict[str, Any] | None:
        found = await provider.get(path)
        return found if found["status"] == wanted_status else None

    found = await eventually(lambda: status("connected"))
    assert (found["account_id"], found["mode"], found["checks"][0]["outcome"]) == ("acct_1", "test", "ok")
    assert "secret" not in str(found)
    # Other keys, refused: those in use stay.
    await provider.send("PUT", path, keys)
    later = [decode(r, StripeConnectRequested) for r in await service.heard(BILLING_COMMANDS, offer.organization_id, 2)]
    refusal = StripeRefused(
        organization_id=offer.organization_id, connection_id=later[1].connection_id, problem="stripe-keys-refused",
        detail="Stripe does not know this key.", checks=(),
    )  # fmt: skip
    await service.say(BILLING_EVENTS, offer.organization_id, refusal)
    refused = await eventually(lambda: status("refused"))
    assert (refused["connected"], refused["account_id"]) == (True, "acct_1")


async def test_a_deleted_application_waits_for_its_subscriptions(service: PortalService) -> None:
    developer, _, command = await subscribed(service)
    mine = f"/v1/applications/{command.application_id}"
    assert (await developer.send("DELETE", mine)).json()["status"] == "deleting"
    order = (await service.heard(SUBSCRIPTIONS_COMMANDS, command.subscription_id, 2))[1]
    assert decode(order, SubscriptionCancelRequested).by == "application_deleted"
    assert (await developer.send("POST", f"{mine}/oauth-clients", {})).status_code == 409
    await service.say(SUBSCRIPTIONS_STATE, command.subscription_id, state(command, 2, "canceled"))

    async def gone() -> bool:
        return (await developer.send("GET", mine)).status_code == 404

    await eventually(gone)


async def test_usage_by_day_and_its_csv(service: PortalService) -> None:
    developer, offer, command = await subscribed(service)
    base = f"/v1/portal/{offer.organization}/billing"
    noon = START.replace(hour=12, minute=0, second=0)
    days = [noon + timedelta(days=day) for day in (0, 0, 1)]
    revisions = [
        window(command, 0, 1, 10, window_start=days[0]),
        window(command, 0, 2, 30, window_start=days[0]),
        window(command, 0, 1, 5, window_start=days[1] + timedelta(minutes=1), billable=False, status_class=5),
        window(command, 0, 1, 20, window_start=days[2]),
    ]
    await service.say(METERING_USAGE, command.subscription_id, *revisions)
    query = f"?from={START.date()}&to={(START + timedelta(days=2)).date()}"

    async def counted() -> dict[str, Any] | None:
        found = await developer.get(f"{base}/usage{query}")
        return found if sum(day["calls"] for day in found["days"]) == 50 else None

    found = await eventually(counted)
    assert [(d["calls"], d["calls_not_billed"]) for d in found["days"]] == [(30, 5), (20, 0), (0, 0)]
    assert [d["amounts"] for d in found["days"]][:2] == [
        [{"currency": "usd", "amount_minor": 60, "formatted": "$0.60"}],
        [{"currency": "usd", "amount_minor": 40, "formatted": "$0.40"}],
    ]
    assert [(one["api"]["name"], one["calls"]) for one in found["apis"]] == [("Reading List", 50)]
    summary = await developer.get(f"{base}/usage-summary")
    assert summary["subscriptions"][0]["last_call_at"] is not None
    as_csv = await developer.send("GET", f"{base}/usage.csv{query}")
    assert as_csv.headers["content-type"].startswith("text/csv")
    rows = as_csv.text.splitlines()
    assert rows[1].startswith(
        f"{START.date()},Reading List,Pay-as-you-go,Reading List App,{command.subscription_id},30,5"
    )
    assert rows[1].endswith("0.60,USD")
    assert (await developer.send("GET", f"{base}/usage?from=2026-01-02&to=2026-01-01")).status_code == 422
    stranger = await service.user("stranger")
    assert (await stranger.get(f"{base}/usage{query}"))["subscriptions"] == []


async def test_the_pages_show_the_journeys_result(service: PortalService) -> None:
    developer, offer, command = await subscribed(service)
    await service.say(METERING_USAGE, command.subscription_id, window(command, 0, 1, 100))
    home = f"/portal/{offer.organization}"
    form = {"email": developer.email, "password": developer.password, "next": f"{home}/billing"}
    foreign = await service.client.post("/sign-in", data=form, headers={"Origin": "https://evil.test"})
    assert foreign.status_code == 403
    away = await service.client.post("/sign-in", data={**form, "next": "//evil.test"})
    assert away.headers["location"] == "/"
    signed_in = await service.client.post("/sign-in", data=form)
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, form["next"])

    async def page() -> str | None:
        answer = await service.client.get(form["next"])
        assert "script-src 'self';" in answer.headers["content-security-policy"]
        return answer.text if "100 × $0.02 = $2.00" in answer.text else None

    shown = await eventually(page)
    for expected in ("Pay-as-you-go", "Reading List App", command.subscription_id, "$2.00", "Active"):
        assert expected in shown
    assert not re.search(r"<script(?! src=\"/assets/)| on[a-z]+=", shown)
    assert (await service.client.get("/")).headers["location"] == "/console"
    assert (await service.client.get("/assets/tollway.css")).headers["content-type"].startswith("text/css")
    back = await service.client.get(f"{home}/checkout/return?subscription={command.subscription_id}")
    assert back.headers["location"] == f"{home}/subscriptions/{command.subscription_id}?paid=1"
    assert "access is granted" in (await service.client.get(back.headers["location"])).text
    assert (await service.client.get("/portal/no-such-organization/apis")).status_code == 404
    assert (await service.client.post("/sign-out")).status_code == 403, "without the page's CSRF token"
    token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', shown)
    assert token is not None
    assert (await service.client.post("/sign-out", data={"csrf_token": token.group(1)})).status_code == 303
    assert "Sign in" in (await service.client.get("/")).text


async def test_every_operation_is_documented(service: PortalService) -> None:
    document = (await service.client.get("/openapi.json")).json()
    operations = [o for item in document["paths"].values() for o in item.values()]
    ids = [o["operationId"] for o in operations]
    assert len(ids) == len(set(ids))
    for operation in operations:
        assert operation.get("tags"), operation["operationId"]
        assert operation.get("summary"), operation["operationId"]
    assert {"create_access_token", "create_subscription", "get_usage_summary", "connect_stripe"} <= set(ids)
