"""Who ends what and what follows: applications deleted, Checkouts paid too late, subscriptions ended by the provider.

And what sandbox credentials may call: Development, recorded, never billed.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from tests.support.hosted_pages import checkout_url, pay_checkout
from tests.support.money_count import Stations, count
from tests.support.whole_stack import WholeStack

from journey.developer import usage
from journey.expect import wait_for
from journey.state import App, Journey

WAIT = {"Prefer": "wait=10"}
LONG = 120
FLAT: dict[str, object] = {
    "name": "Flat",
    "description": "5 USD a month, in advance",
    "pricing_model": "flat",
    "currency": "usd",
    "billing_period": "month",
    "flat_amount_decimal": "500",
}
FREE: dict[str, object] = {"name": "Free", "pricing_model": "free"}


def eventually(what: str, look: Callable[[], Any]) -> Any:
    return wait_for(what, look, seconds=LONG, pause_seconds=0.1)


def problem(answer: httpx.Response) -> tuple[int, str]:
    name = "" if answer.status_code < 400 else str(answer.json()["type"]).rsplit("/", 1)[-1]
    return answer.status_code, name


def call(url: str, **headers: str) -> tuple[int, str]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return problem(httpx.get(f"{url}/things", headers=sent, timeout=30))


def bearer(token: str) -> str:
    return f"Bearer {token}"


def status_of(journey: Journey, subscription_id: str) -> str:
    return str(journey.developer.client.get(f"/v1/subscriptions/{subscription_id}")["status"])


def at_stripe(journey: Journey) -> Callable[[str], Any]:
    """GETs of the provider's own Stripe account, with the key that its double handed out."""
    connection = journey.provider.client.get(f"/v1/organizations/{journey.organization_id}/stripe-credentials")
    stripe = journey.addresses.stripe
    account = httpx.get(f"{stripe}/_admin/accounts/{connection['account_id']}", timeout=30).json()
    headers = {"Authorization": f"Bearer {account['secret_key']}"}

    def get(path: str) -> Any:
        return httpx.get(f"{stripe}/v1/{path}", headers=headers, timeout=30).raise_for_status().json()["data"]

    return get


def opened_checkout(journey: Journey) -> tuple[App, str]:
    client = journey.developer.client
    application = client.post(f"/v1/portal/{journey.organization}/applications", {"name": "App"})
    app = App(application["id"])
    asked = client.post(
        f"/v1/applications/{app.application_id}/subscriptions",
        {"api_id": journey.api_id, "plan_id": journey.plan_id},
        headers=WAIT,
    )
    app.subscription_id = asked["id"]
    return app, checkout_url(client, app.subscription_id)


def delete_a_used_application(whole: WholeStack) -> None:
    journey = whole.published_api()
    app = whole.subscribed(journey)
    client = journey.developer.client
    key = client.post(f"/v1/applications/{app.application_id}/api-keys", {"environment": "production"})["key"]
    eventually("the key", lambda: call(journey.api_url, X_API_Key=key) == (200, ""))
    client.call("DELETE", f"/v1/applications/{app.application_id}", expect=(202, 204))
    eventually("token off", lambda: call(journey.api_url, Authorization=bearer(app.access_token))[0] == 401)
    assert call(journey.api_url, Authorization=bearer(app.access_token)) == (401, "invalid-token")
    assert call(journey.api_url, X_API_Key=key) == (401, "unknown-api-key")
    token = httpx.post(
        f"{journey.addresses.portal}/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(app.client_id, app.client_secret),
        timeout=30,
    )
    assert (token.status_code, token.json()["error"]) == (401, "invalid_client")
    eventually("the end", lambda: status_of(journey, app.subscription_id) == "canceled")
    ended = client.get(f"/v1/subscriptions/{app.subscription_id}")
    assert (ended["ended_by"], ended["problem"]) == ("application_deleted", None)
    assert [one["status"] for one in at_stripe(journey)("subscriptions?status=all")] == ["canceled"]
    eventually(
        "gone",
        lambda: client.call("GET", f"/v1/applications/{app.application_id}", expect=(200, 404)).get("status") == 404,
    )
    wanted = {"api_id": journey.api_id, "plan_id": journey.plan_id}
    path = f"/v1/applications/{app.application_id}/subscriptions"
    refused = client.call("POST", path, json=wanted, expect=(404,))
    assert refused["type"].endswith("/problems/application-not-found")


def delete_while_checkout_is_open(whole: WholeStack) -> None:
    journey = whole.published_api()
    app, url = opened_checkout(journey)
    journey.developer.client.call("DELETE", f"/v1/applications/{app.application_id}", expect=(202, 204))
    eventually("the page closed", lambda: httpx.get(url, timeout=30).status_code == 410)
    eventually("the end", lambda: status_of(journey, app.subscription_id) == "incomplete_expired")
    assert pay_checkout(url).status_code == 410
    assert at_stripe(journey)("subscriptions?status=all") == []


def pay_too_late(whole: WholeStack) -> None:
    """Withdrawn while Stripe cannot expire the page: somebody pays all the same."""
    journey = whole.published_api(FLAT)
    app, url = opened_checkout(journey)
    stripe = journey.addresses.stripe
    session = url.rsplit("/", 1)[-1]
    fault = {"method": "POST", "path": f"/v1/checkout/sessions/{session}/expire", "mode": "500_before", "times": 1000}
    httpx.post(f"{stripe}/_admin/faults", json=fault, timeout=30).raise_for_status()
    try:
        journey.developer.client.post(f"/v1/subscriptions/{app.subscription_id}/cancel", {"when": "now"})
        eventually("withdrawn", lambda: status_of(journey, app.subscription_id) == "incomplete_expired")
        assert pay_checkout(url).status_code == 303
    finally:
        httpx.delete(f"{stripe}/_admin/faults", timeout=30)
    get = at_stripe(journey)
    eventually("canceled", lambda: [one["status"] for one in get("subscriptions?status=all")] == ["canceled"])
    eventually("refunded", lambda: [one["amount"] for one in get("refunds")] == [500])
    eventually("ended", lambda: status_of(journey, app.subscription_id) in ("incomplete_expired", "canceled"))
    # The pair is free again: the same application may subscribe anew.
    wanted = {"api_id": journey.api_id, "plan_id": journey.plan_id}
    path = f"/v1/applications/{app.application_id}/subscriptions"
    again = journey.developer.client.post(path, wanted, headers=WAIT)
    assert checkout_url(journey.developer.client, again["id"])


def end_as_the_provider(whole: WholeStack) -> None:
    journey = whole.published_api()
    app = whole.subscribed(journey)
    provider, developer = journey.provider.client, journey.developer.client
    path = f"/v1/subscriptions/{app.subscription_id}"
    for method, address in (("GET", path), ("POST", f"{path}/cancel"), ("POST", f"{path}/resume")):
        refused = provider.call(method, address, expect=(404,))
        assert "Only who created it may see and cancel it" in refused["detail"], "the provider is not its creator"
    end = f"/v1/organizations/{journey.organization_id}/subscriptions/{app.subscription_id}/end"
    assert developer.call("POST", end, expect=(404,))["type"].endswith("/problems/organization-not-found")
    assert call(journey.api_url, Authorization=bearer(app.access_token)) == (200, "")
    provider.call("POST", end, expect=(202,))
    eventually(
        "access ended",
        lambda: call(journey.api_url, Authorization=bearer(app.access_token)) == (403, "subscription-ended"),
    )
    eventually("the end", lambda: status_of(journey, app.subscription_id) == "canceled")
    assert developer.get(path)["ended_by"] == "provider"
    again = provider.call("POST", end, expect=(409,))
    assert again["type"].endswith("/problems/subscription-ended")


def environments(whole: WholeStack) -> None:
    journey = whole.published_api()
    app = whole.subscribed(journey)
    client = journey.developer.client
    key = client.post(f"/v1/applications/{app.application_id}/api-keys", {"environment": "sandbox"})["key"]
    keys = client.post(f"/v1/applications/{app.application_id}/oauth-clients", {"environment": "sandbox"})
    token = httpx.post(
        f"{journey.addresses.portal}/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(keys["client_id"], keys["client_secret"]),
        timeout=30,
    ).json()["access_token"]
    production = journey.api_url
    development = production.replace(journey.addresses.gateway, f"{journey.addresses.gateway}/dev")
    eventually("the sandbox key", lambda: call(development, X_API_Key=key) == (200, ""))
    assert [call(development, X_API_Key=key) for _ in range(4)] == [(200, "")] * 4
    assert [call(development, Authorization=bearer(token)) for _ in range(5)] == [(200, "")] * 5
    assert [call(production, Authorization=bearer(app.access_token)) for _ in range(3)] == [(200, "")] * 3
    # Each kind of credential, at the other's door.
    assert call(production, X_API_Key=key) == (403, "wrong-environment")
    assert call(production, Authorization=bearer(token)) == (403, "wrong-environment")
    assert call(development, Authorization=bearer(app.access_token)) == (403, "wrong-environment")
    # A token where a key belongs, and a key where a token belongs.
    assert call(production, X_API_Key=app.access_token) == (401, "unknown-api-key")
    assert call(production, Authorization=bearer(key)) == (401, "invalid-token")

    # Ten on Development, three in Production: all recorded and metered, only the three billed and told to Stripe.
    expected = Stations(recorded=13, recorded_billable=3, metered=13, metered_billable=3, reported=3, at_stripe=3)
    eventually("recorded, never billed", lambda: asyncio.run(count(whole, app.subscription_id)) == expected)
    seen = usage(journey, app.subscription_id)
    assert (seen["calls"], seen["units"], seen["estimated_amount"]["amount_minor"]) == (3, 3, 6)  # type: ignore[index]


def foreign_and_revoked_tokens(whole: WholeStack) -> None:
    journey, other = whole.published_api(FREE), whole.published_api(FREE)

    def subscriber(of: Journey) -> tuple[App, str]:
        client = of.developer.client
        app = App(client.post(f"/v1/portal/{of.organization}/applications", {"name": "App"})["id"])
        wanted = {"api_id": of.api_id, "plan_id": of.plan_id}
        asked = client.post(f"/v1/applications/{app.application_id}/subscriptions", wanted, headers=WAIT)
        eventually("active", lambda: status_of(of, asked["id"]) == "active")
        keys = client.post(f"/v1/applications/{app.application_id}/oauth-clients", {"environment": "production"})
        app.client_id = keys["client_id"]
        auth = (keys["client_id"], keys["client_secret"])
        answer = httpx.post(
            f"{of.addresses.portal}/oauth2/token", data={"grant_type": "client_credentials"}, auth=auth, timeout=30
        )
        return app, str(answer.json()["access_token"])

    app, token = subscriber(journey)
    _, foreign = subscriber(other)
    eventually("ours", lambda: call(journey.api_url, Authorization=bearer(token)) == (200, ""))
    eventually("theirs", lambda: call(other.api_url, Authorization=bearer(foreign)) == (200, ""))
    assert call(journey.api_url, Authorization=bearer(foreign)) == (401, "invalid-token"), "another organization's"
    pat = journey.developer.token
    assert call(journey.api_url, Authorization=bearer(pat)) == (401, "invalid-token"), "a token of the control plane"
    client = journey.developer.client
    client.call("DELETE", f"/v1/applications/{app.application_id}/oauth-clients/{app.client_id}", expect=(200, 204))
    eventually("revoked", lambda: call(journey.api_url, Authorization=bearer(token)) == (401, "invalid-token"))
    # Nobody's subscription, a live token: the answer says what is missing.
    bare = App(client.post(f"/v1/portal/{journey.organization}/applications", {"name": "Bare"})["id"])
    key = client.post(f"/v1/applications/{bare.application_id}/api-keys", {"environment": "production"})["key"]
    eventually("the key", lambda: call(journey.api_url, X_API_Key=key) == (403, "no-subscription"))


def a_thousand_at_once(whole: WholeStack) -> None:
    journey = whole.published_api()
    client = journey.developer.client
    application = client.post(f"/v1/portal/{journey.organization}/applications", {"name": "Busy"})["id"]
    path = f"{journey.addresses.portal}/v1/applications/{application}/subscriptions"
    headers = {"Authorization": f"Bearer {journey.developer.token}"}
    wanted = {"api_id": journey.api_id, "plan_id": journey.plan_id}

    def some(count: int) -> list[tuple[int, str]]:
        with httpx.Client(headers=headers, timeout=120) as browser:
            return [problem(browser.post(path, json=wanted)) for _ in range(count)]

    with ThreadPoolExecutor(40) as pool:
        answers = [one for part in pool.map(some, [25] * 40) for one in part]
    assert len(answers) == 1000
    assert sorted(set(answers)) == [(202, ""), (409, "already-subscribed")]
    assert answers.count((202, "")) == 1
    listed = client.get(f"/v1/portal/{journey.organization}/subscriptions?application={application}")["data"]
    assert len(listed) == 1
    assert pay_checkout(checkout_url(client, listed[0]["id"])).status_code == 303
    eventually("active", lambda: status_of(journey, listed[0]["id"]) == "active")
    get = at_stripe(journey)
    assert len(get("subscriptions?status=all")) == 1
    assert len(get("checkout/sessions")) == 1


SITUATIONS = {
    "an application in use is deleted": delete_a_used_application,
    "an application is deleted while its Checkout is open": delete_while_checkout_is_open,
    "a Checkout is paid after it was withdrawn": pay_too_late,
    "the provider ends a subscription": end_as_the_provider,
    "sandbox credentials call Development, unbilled": environments,
    "foreign and revoked tokens": foreign_and_revoked_tokens,
    "1,000 subscribe at once for one application": a_thousand_at_once,
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("situation", SITUATIONS)
async def test_what_follows(whole_stack: WholeStack, situation: str) -> None:
    await asyncio.to_thread(SITUATIONS[situation], whole_stack)
