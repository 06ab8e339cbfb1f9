"""Each symptom of docs/troubleshooting.md, produced; what a person then sees names cause and cure."""

import asyncio
from typing import Any

import httpx
import pytest
from tests.support.whole_stack import PLAN, WholeStack

from journey import provider as steps
from journey.developer import usage
from journey.expect import wait_for
from journey.state import App, Journey

WAIT = {"Prefer": "wait=10"}
LONG = 120


def eventually(what: str, look: Any) -> Any:
    return wait_for(what, look, seconds=LONG, pause_seconds=0.1)


def name_of(body: dict[str, Any]) -> str:
    return str(body["type"]).rsplit("/", 1)[-1]


def page_of(journey: Journey, name: str) -> str:
    """The problem's own page, which anybody can read."""
    return httpx.get(f"{journey.addresses.portal}/problems/{name}", timeout=30).raise_for_status().text


def call(journey: Journey, token: str) -> httpx.Response:
    return httpx.get(f"{journey.api_url}/things", headers={"Authorization": f"Bearer {token}"}, timeout=30)


def access_token(journey: Journey, application_id: str) -> str:
    client = journey.developer.client
    keys = client.post(f"/v1/applications/{application_id}/oauth-clients", {"environment": "production"})
    answer = httpx.post(
        f"{journey.addresses.portal}/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(keys["client_id"], keys["client_secret"]),
        timeout=30,
    )
    return str(answer.json()["access_token"])


def credentials_save_fails(whole: WholeStack) -> None:
    journey = whole.people()
    steps.organize(journey)
    client, stripe = journey.provider.client, journey.addresses.stripe
    path = f"/v1/organizations/{journey.organization_id}/stripe-credentials"
    one, two = (httpx.post(f"{stripe}/_admin/accounts", timeout=30).json() for _ in range(2))
    keys = {"secret_key": one["secret_key"], "publishable_key": two["publishable_key"]}
    refused = client.call("PUT", path, json=keys, expect=(422,))
    assert (name_of(refused), refused["field"]) == ("stripe-keys-different-accounts", "publishable_key")
    assert "copy both from the same" in refused["detail"]
    restricted = httpx.post(
        f"{stripe}/_admin/accounts/{one['account']}/restricted_keys", json={"except": ["plan_write"]}, timeout=30
    ).json()
    keys = {"secret_key": restricted["secret_key"], "publishable_key": one["publishable_key"]}
    client.put(path, keys, headers=WAIT)
    shown = eventually("the check", lambda: _settled(client.get(path)))
    assert (shown["status"], shown["connected"], shown["problem"]) == ("refused", False, "stripe-permission-missing")
    assert "Prices: write (plan_write)" in shown["problem_detail"]
    assert "Dashboard" in page_of(journey, shown["problem"])


def _settled(connection: dict[str, Any]) -> dict[str, Any] | None:
    return connection if connection["status"] != "pending" else None


def plans_do_not_appear(whole: WholeStack) -> None:
    journey = whole.published_api({"name": "Free", "pricing_model": "free"})
    provider, developer = journey.provider.client, journey.developer.client
    base = f"/v1/organizations/{journey.organization_id}"
    off = provider.post(f"{base}/plans", {"name": "Off", "pricing_model": "free"})
    shown = developer.get(f"/v1/portal/{journey.organization}/apis")["data"][0]["plans"]
    assert [plan["name"] for plan in shown] == ["Free"], "what is not switched on is not offered"
    application = developer.post(f"/v1/portal/{journey.organization}/applications", {"name": "App"})["id"]
    wanted = {"api_id": journey.api_id, "plan_id": off["id"]}
    refused = developer.call("POST", f"/v1/applications/{application}/subscriptions", json=wanted, expect=(409,))
    assert (name_of(refused), refused["field"]) == ("plan-not-enabled", "plan_id")
    assert "not enabled for the API" in refused["detail"]
    unknown = {"api_id": journey.api_id, "plan_id": "plan_nobody"}
    refused = developer.call("POST", f"/v1/applications/{application}/subscriptions", json=unknown, expect=(409,))
    assert name_of(refused) == "plan-not-enabled"
    # An API that is not published says why not, and is not in the portal.
    api = provider.post(
        f"{base}/projects/{journey.project_id}/apis",
        {"openapi": {"document": whole.upstream.contract("Drafts")}},
    )
    assert [one["id"] for one in developer.get(f"/v1/portal/{journey.organization}/apis")["data"]] == [journey.api_id]
    refused = provider.call("POST", f"/v1/apis/{api['id']}/lifecycle", json={"action": "publish"}, expect=(409,))
    assert name_of(refused) == "lifecycle-checks-failed"
    assert {error["check"] for error in refused["errors"]} == {"plan_enabled", "deployed_to_production"}


def checkout_does_not_open(whole: WholeStack) -> None:
    journey = whole.published_api()
    client, stripe = journey.developer.client, journey.addresses.stripe
    connection = journey.provider.client.get(f"/v1/organizations/{journey.organization_id}/stripe-credentials")
    closed = {"charges_enabled": False, "requirements": {"disabled_reason": "requirements.past_due"}}
    httpx.post(f"{stripe}/_admin/accounts/{connection['account_id']}", json=closed, timeout=30).raise_for_status()
    application = client.post(f"/v1/portal/{journey.organization}/applications", {"name": "App"})["id"]
    wanted = {"api_id": journey.api_id, "plan_id": journey.plan_id}
    asked = client.post(f"/v1/applications/{application}/subscriptions", wanted, headers=WAIT)

    def refused() -> dict[str, Any] | None:
        seen = client.get(f"/v1/subscriptions/{asked['id']}")
        return dict(seen) if seen["status"] == "rejected" else None

    seen = eventually("the refusal", refused)
    assert (seen["problem"], seen["checkout_url"]) == ("stripe-charges-disabled", None)
    assert "requirements.past_due" in seen["problem_detail"]
    assert "the provider must complete it" in seen["problem_detail"]
    assert "pending verification" in page_of(journey, seen["problem"])
    # The pair is free: as soon as the account may charge, the same application subscribes.
    httpx.post(f"{stripe}/_admin/accounts/{connection['account_id']}", json={"charges_enabled": True}, timeout=30)
    again = client.post(f"/v1/applications/{application}/subscriptions", wanted, headers=WAIT)
    eventually("Checkout", lambda: client.get(f"/v1/subscriptions/{again['id']}")["checkout_url"])


def refused_calls(whole: WholeStack) -> None:
    """401 and 403 after subscribing."""
    journey = whole.published_api()
    client = journey.developer.client
    application = client.post(
        f"/v1/portal/{journey.organization}/applications", {"name": "App", "access_token_lifetime_seconds": 60}
    )["id"]
    token = access_token(journey, application)
    answer = eventually("the client known", lambda: _if_not(call(journey, token), 401))
    assert (answer.status_code, name_of(answer.json())) == (403, "no-subscription")
    assert "Subscribe to one of its plans" in answer.json()["detail"]
    wanted = {"api_id": journey.api_id, "plan_id": journey.plan_id}
    asked = client.post(f"/v1/applications/{application}/subscriptions", wanted, headers=WAIT)
    answer = eventually("pending", lambda: _if_named(call(journey, token), "payment-pending"))
    assert answer.status_code == 403
    assert "Finish the checkout" in answer.json()["detail"]
    answer = eventually("the token's end", lambda: _if_named(call(journey, token), "expired-token"))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert "Request a new access token" in answer.json()["detail"]
    # Cannot cancel: not its creator; and then: it has ended.
    path = f"/v1/subscriptions/{asked['id']}/cancel"
    stranger = journey.provider.client.call("POST", path, expect=(404,))
    assert name_of(stranger) == "subscription-not-found"
    assert "Only who created it may see and cancel it" in stranger["detail"]
    too_soon = client.call("POST", path, json={"when": "period_end"}, expect=(409,))
    assert (name_of(too_soon), too_soon["field"]) == ("not-cancelable-at-period-end", "when")
    client.post(path, {"when": "now"})
    eventually("the end", lambda: client.get(f"/v1/subscriptions/{asked['id']}")["status"] == "incomplete_expired")
    ended = client.call("POST", path, json={"when": "now"}, expect=(409,))
    assert (name_of(ended), "nothing to cancel" in ended["detail"]) == ("subscription-ended", True)


def _if_not(answer: httpx.Response, status: int) -> httpx.Response | None:
    return answer if answer.status_code != status else None


def _if_named(answer: httpx.Response, name: str) -> httpx.Response | None:
    return answer if answer.status_code >= 400 and name_of(answer.json()) == name else None


def usage_does_not_appear(whole: WholeStack) -> None:
    journey = whole.published_api(PLAN)
    app: App = whole.subscribed(journey)
    assert call(journey, app.access_token).status_code == 200
    eventually("the first call", lambda: usage(journey, app.subscription_id)["units"] == 1)
    path = f"/v1/portal/{journey.organization}/billing/usage-summary"
    whole.stack.stop_process("metering")
    try:
        for _ in range(5):
            assert call(journey, app.access_token).status_code == 200, "counting being away stops no call"
        behind = journey.developer.client.get(path)
        assert usage(journey, app.subscription_id)["units"] == 1
    finally:
        whole.stack.restart("metering")
    eventually("all of them", lambda: usage(journey, app.subscription_id)["units"] == 6)
    eventually(
        "complete again", lambda: journey.developer.client.get(path)["complete_until"] > behind["complete_until"]
    )


SYMPTOMS = {
    "Stripe Credentials save fails": credentials_save_fails,
    "Plans don't appear in Developer Portal subscription dialog": plans_do_not_appear,
    "Stripe checkout doesn't open": checkout_does_not_open,
    "HTTP 401 and 403 after subscribing, and what cannot be cancelled": refused_calls,
    "Usage not appearing in Billing page": usage_does_not_appear,
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("symptom", SYMPTOMS)
async def test_what_a_person_sees(whole_stack: WholeStack, symptom: str) -> None:
    await asyncio.to_thread(SYMPTOMS[symptom], whole_stack)
