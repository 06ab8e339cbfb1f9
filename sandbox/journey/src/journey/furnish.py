"""After the journey: what a provider and a developer have after a while, so that every page has something to show."""

from datetime import timedelta
from functools import partial
from typing import Any

from journey.developer import make_calls, usage
from journey.expect import wait_for
from journey.provider import WAIT
from journey.state import Journey
from sandbox_clock import advance_by

# Calls of the application that stays, day by day of business time.
DAILY_CALLS = (23, 41, 17, 52, 34)
FREE = {
    "name": "Community",
    "description": "For trying things out: no card, a gentle rate limit",
    "rate_limit": {"count": 30, "unit": "minute"},
    "pricing_model": "free",
    "billing_period": "month",
}


def furnish(journey: Journey) -> None:
    """A second published API, and some days of usage of the application that stays subscribed."""
    _publish_another_api(journey)
    _use_for_some_days(journey)


def _publish_another_api(journey: Journey) -> None:
    client = journey.provider.client
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


def _use_for_some_days(journey: Journey) -> None:
    """A day's calls are counted before business time moves on: what is on its way would count for the next one."""
    for day, calls in enumerate(DAILY_CALLS):
        make_calls(journey, journey.second.access_token, calls)
        so_far = sum(DAILY_CALLS[: day + 1])
        wait_for("the day's calls in the usage summary", partial(_has_units, journey, so_far), seconds=60)
        if day < len(DAILY_CALLS) - 1:
            advance_by(
                timedelta(days=1),
                stripe_url=journey.addresses.stripe,
                bootstrap_servers=journey.addresses.kafka,
                topic_prefix=journey.addresses.topic_prefix,
            )


def _has_units(journey: Journey, wanted: int) -> bool:
    return int(str(usage(journey, journey.second.subscription_id)["units"])) >= wanted
