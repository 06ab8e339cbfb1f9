"""The seed's three verifications."""

import time

from journey.developer import call_api, make_calls, usage
from journey.expect import expect, wait_for
from journey.state import Journey

MORE_CALLS = 30


def count_rises(journey: Journey) -> str:
    """V1: authenticated calls are billed."""
    subscription = journey.first.subscription_id
    before = int(str(usage(journey, subscription)["units"]))
    make_calls(journey, journey.first.access_token, MORE_CALLS)
    wait_for(
        f"the count rising by {MORE_CALLS}",
        lambda: int(str(usage(journey, subscription)["units"])) == before + MORE_CALLS,
        seconds=30,
    )
    return f"{before} -> {before + MORE_CALLS} after {MORE_CALLS} calls"


def no_token_is_refused(journey: Journey) -> str:
    """V2: no Authorization header."""
    response = call_api(journey, None)
    name = response.json()["type"].rsplit("/", 1)[-1]
    expect(response.status_code == 401, f"{response.status_code} {name}")
    expect("www-authenticate" in response.headers, "401 without WWW-Authenticate")
    return f"401 {name}"


def cancelled_is_refused(journey: Journey) -> str:
    """V3: cancel, then the same token gets 403."""
    expect(call_api(journey, journey.first.access_token).status_code == 200, "the token did not work before the cancel")
    journey.developer.client.post(f"/v1/subscriptions/{journey.first.subscription_id}/cancel", {"when": "now"})
    cancelled_at = time.monotonic()

    def refused() -> tuple[int, str] | None:
        response = call_api(journey, journey.first.access_token)
        if response.status_code == 200:
            return None
        return response.status_code, response.json()["type"].rsplit("/", 1)[-1]

    status, name = wait_for("the 403", refused, seconds=10, pause_seconds=0.005)
    journey.revoked_ms = round((time.monotonic() - cancelled_at) * 1000)
    expect(status == 403, f"{status} {name}")
    wait_for("the cancellation's end at Stripe", lambda: _canceled(journey), seconds=90, pause_seconds=0.1)
    return f"403 {name} after {journey.revoked_ms} ms, final invoice verified"


def _canceled(journey: Journey) -> bool:
    subscription = journey.developer.client.get(f"/v1/subscriptions/{journey.first.subscription_id}")
    return bool(subscription["status"] == "canceled")
