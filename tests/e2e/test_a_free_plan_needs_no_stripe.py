"""Import, deploy, publish with a free plan, subscribe at once, call with an API key and with a token."""

import asyncio

import httpx
from tests.support.eventually import eventually
from tests.support.whole_stack import PLAN, WholeStack

from journey.developer import generate
from journey.state import App

FREE: dict[str, object] = {
    "name": "Free",
    "description": "Try it",
    "rate_limit": {"count": 5, "unit": "minute"},
    "pricing_model": "free",
    "currency": "usd",
    "billing_period": "month",
}


TWO_LIMITS: dict[str, object] = {
    **{name: value for name, value in FREE.items() if name != "rate_limit"},
    "rate_limits": [{"count": 1, "unit": "second", "burst": 2}, {"count": 4, "unit": "hour", "burst": 4}],
}


def set_up(whole: WholeStack, plan: dict[str, object] = FREE) -> tuple[str, str, str]:
    """API URL, API key, access token."""
    journey = whole.published_api(plan)
    client = journey.developer.client
    application = client.post(f"/v1/portal/{journey.organization}/applications", {"name": "App"})["id"]
    subscription = client.post(
        f"/v1/applications/{application}/subscriptions",
        {"api_id": journey.api_id, "plan_id": journey.plan_id},
        headers={"Prefer": "wait=10"},
    )
    assert subscription["status"] == "active"
    key = client.post(f"/v1/applications/{application}/api-keys", {"environment": "production"})
    app = App(application)
    generate(journey, app)
    return journey.api_url, key["key"], app.access_token


async def test_free_plan_with_key_and_token_and_its_rate_limit(whole_stack: WholeStack) -> None:
    assert PLAN["pricing_model"] != FREE["pricing_model"]
    url, key, token = await asyncio.to_thread(set_up, whole_stack)
    async with httpx.AsyncClient() as client:
        by_key = await client.get(f"{url}/things", headers={"X-API-Key": key})
        assert by_key.status_code == 200
        by_token = await client.get(f"{url}/things", headers={"Authorization": f"Bearer {token}"})
        assert by_token.status_code == 200
        assert "ratelimit" in by_token.headers
        assert "ratelimit-policy" in by_token.headers

        async def limited() -> httpx.Response | None:
            answer = await client.get(f"{url}/things", headers={"X-API-Key": key})
            return answer if answer.status_code == 429 else None

        refused = await eventually(limited, timeout_seconds=10, message="the sixth call within a minute refused")
        assert refused.headers["content-type"].startswith("application/problem+json")
        assert refused.json()["type"].endswith("/problems/rate-limited")
        assert int(refused.headers["retry-after"]) >= 1


async def test_of_two_limits_each_refuses_in_its_turn(whole_stack: WholeStack) -> None:
    url, key, _ = await asyncio.to_thread(set_up, whole_stack, TWO_LIMITS)
    admitted, waits = 0, set[int]()
    async with httpx.AsyncClient(headers={"X-API-Key": key}) as client:

        async def refused_for_the_hour() -> httpx.Response | None:
            nonlocal admitted
            answer = await client.get(f"{url}/things")
            if answer.status_code == 200:
                admitted += 1
                return None
            assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]) == (429, "rate-limited")
            waits.add(int(answer.headers["retry-after"]))
            return answer if waits - {1} else None

        last = await eventually(refused_for_the_hour, timeout_seconds=30, message="the hour's limit is reached")
    assert admitted == 4
    assert 1 in waits, "two calls in one second pass, the third waits for the next"
    assert 600 < max(waits) <= 900
    assert {part.split(";")[1] for part in last.headers["ratelimit-policy"].split(", ")} == {"q=1", "q=4"}


async def test_what_the_gateway_answers_to_those_without_access(whole_stack: WholeStack) -> None:
    url, key, token = await asyncio.to_thread(set_up, whole_stack)
    base = url.rsplit("/", 3)[0]
    header, payload, signature = token.split(".")
    forged = ".".join((header, payload, signature[:-4] + ("AAAA" if signature[-4:] != "AAAA" else "BBBB")))
    cases: list[tuple[str, dict[str, str], int, str]] = [
        (f"{url}/things", {}, 401, "missing-credentials"),
        (f"{url}/things", {"X-API-Key": key[:-2] + "zz"}, 401, "unknown-api-key"),
        (f"{url}/things", {"Authorization": f"Bearer {forged}"}, 401, "invalid-token"),
        (f"{url}/nothing", {"X-API-Key": key}, 404, "no-such-operation"),
        (f"{base}/nobody/api/1.0.0/things", {"X-API-Key": key}, 404, "no-such-api"),
    ]
    async with httpx.AsyncClient() as client:
        for address, headers, status, problem in cases:
            answer = await client.get(address, headers=headers)
            assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]) == (status, problem), address
            if status == 401:
                assert answer.headers["www-authenticate"].startswith("Bearer")
