"""Several plans on one API, changed, deactivated and activated while somebody subscribes; and what usage costs."""

from collections.abc import AsyncIterator

import pytest
from tests.service.portal_api.test_billing_subscriptions import (
    PAYG,
    START,
    application_of,
    has_status,
    state,
    wanted,
    window,
)
from tests.support.containers import DatabaseFactory
from tests.support.eventually import eventually
from tests.support.portal_service import Offer, Person, PortalService, running_portal

from portal_api.catalog.entrypoints.plan_examples import EXAMPLES
from shared.events.catalog import PlanState, RateLimit
from shared.events.envelope import decode
from shared.events.subscriptions import SubscriptionRequested
from shared.events.topics import CATALOG_PLANS, METERING_USAGE, SUBSCRIPTIONS_COMMANDS, SUBSCRIPTIONS_STATE

GRADUATED = {
    "name": "Graduated",
    "pricing_model": "graduated",
    "currency": "usd",
    "flat_amount_decimal": "1000",
    "tiers": [
        {"up_to": 10, "flat_amount_decimal": "500"},
        {"up_to": 100, "unit_amount_decimal": "3.6"},
        {"up_to": None, "unit_amount_decimal": "0.000000000001"},
    ],
}


@pytest.fixture(scope="module")
def database_url(database: DatabaseFactory) -> str:
    return database("portal_plans")


@pytest.fixture
async def service(kafka_bootstrap: str, topic_prefix: str, database_url: str) -> AsyncIterator[PortalService]:
    async with running_portal(kafka_bootstrap, topic_prefix, database_url) as running:
        yield running


async def subscribe(
    service: PortalService, developer: Person, offer: Offer, status: str = "active"
) -> SubscriptionRequested:
    """A subscription that the other services have answered."""
    application = await application_of(developer, offer)
    asked = await developer.post(f"/v1/applications/{application}/subscriptions", wanted(offer), status=202)
    command = decode((await service.heard(SUBSCRIPTIONS_COMMANDS, asked["id"]))[0], SubscriptionRequested)
    await service.say(SUBSCRIPTIONS_STATE, asked["id"], state(command, 1, status))
    await eventually(lambda: has_status(developer, asked["id"], status))
    return command


async def offered_plans(developer: Person, offer: Offer) -> list[str]:
    apis = (await developer.get(f"/v1/portal/{offer.organization}/apis"))["data"]
    return [plan["name"] for api in apis if api["id"] == offer.api_id for plan in api["plans"]]


async def test_plans_come_and_go_while_subscriptions_stay(service: PortalService) -> None:
    provider, developer, late = [await service.user(name) for name in ("provider", "developer", "late")]
    offer = await service.published_api(provider, plan=PAYG)
    plans = f"/v1/organizations/{offer.organization_id}/plans"
    others = [
        await provider.post(plans, example, status=201) for example in EXAMPLES if example["name"] != PAYG["name"]
    ]
    everything = [offer.plan_id, *(plan["id"] for plan in others)]
    answer = await provider.send("PUT", f"/v1/apis/{offer.api_id}/plans", {"plan_ids": everything})
    assert answer.status_code == 200, answer.text
    assert await offered_plans(developer, offer) == [PAYG["name"], *(plan["name"] for plan in others)]

    command = await subscribe(service, developer, offer)
    path = f"/v1/plans/{offer.plan_id}"
    changed = await provider.send("PATCH", path, {"unit_amount_decimal": "3"})
    assert (changed.json()["version_count"], changed.json()["current"]["unit_amount_decimal"]) == (2, "3")
    versions = await provider.get(f"{path}/versions?limit=1")
    assert [one["unit_amount_decimal"] for one in versions["data"]] == ["2"]
    rest = await provider.get(f"{path}/versions?after={versions['next']}")
    assert [(one["ordinal"], one["unit_amount_decimal"]) for one in rest["data"]] == [(2, "3")]
    assert (versions["has_more"], rest["next"]) == (True, None)
    kept = await developer.get(f"/v1/subscriptions/{command.subscription_id}")
    assert kept["plan_version_number"] == command.plan_version_number != changed.json()["current"]["number"]

    refused = await provider.send("DELETE", path)
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (409, "plan-in-use")

    assert (await provider.send("PATCH", path, {"status": "inactive"})).json()["status"] == "inactive"
    assert PAYG["name"] not in await offered_plans(developer, offer)
    application = await application_of(late, offer)
    refused = await late.send("POST", f"/v1/applications/{application}/subscriptions", wanted(offer))
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (409, "plan-inactive")
    assert await has_status(developer, command.subscription_id, "active"), "who has it keeps it"
    again = await provider.send("PUT", f"/v1/apis/{offer.api_id}/plans", {"plan_ids": everything})
    assert again.status_code == 200, "an inactive plan stays where it was enabled"

    assert (await provider.send("PATCH", path, {"status": "active"})).json()["status"] == "active"
    assert PAYG["name"] in await offered_plans(developer, offer)
    await late.post(f"/v1/applications/{application}/subscriptions", wanted(offer), status=202)
    states = [decode(record, PlanState) for record in await service.heard(CATALOG_PLANS, offer.plan_id, 4)]
    assert [(one.version, one.status, len(one.versions)) for one in states] == [
        (1, "active", 1),
        (2, "active", 2),
        (3, "inactive", 2),
        (4, "active", 2),
    ]


async def test_limits_and_the_billable_rule_reach_the_bus(service: PortalService) -> None:
    provider = await service.user("provider")
    plan = {
        **PAYG,
        "rate_limit": None,
        "rate_limits": [{"count": 5, "unit": "second", "burst": 10}, {"count": 1000, "unit": "day"}],
        "billable_rule": "admitted",
    }
    offer = await service.published_api(provider, plan=plan)
    shown = (await provider.get(f"/v1/plans/{offer.plan_id}"))["current"]
    assert shown["rate_limits"] == [
        {"count": 5, "unit": "second", "burst": 10},
        {"count": 1000, "unit": "day", "burst": None},
    ]
    assert shown["rate_limit"] == shown["rate_limits"][0]
    version = decode((await service.heard(CATALOG_PLANS, offer.plan_id))[0], PlanState).versions[0]
    assert version.rate_limits == (
        RateLimit(count=5, per_seconds=1, burst=10),
        RateLimit(count=1000, per_seconds=86_400),
    )
    assert version.billable_rule == "admitted"


async def test_faults_in_a_plan_are_named_by_field_and_make_nothing(service: PortalService) -> None:
    provider = await service.user("provider")
    offer = await service.published_api(provider, plan=PAYG)
    plans = f"/v1/organizations/{offer.organization_id}/plans"
    tiers = [{"up_to": 10, "unit_amount_decimal": "1.0000000000001"}, {"up_to": 5}]
    answer = await provider.send("POST", plans, {"name": "x", "pricing_model": "graduated", "tiers": tiers})
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, "plan-invalid")
    assert [error["field"] for error in answer.json()["errors"]] == [
        "tiers.0.unit_amount_decimal",
        "tiers.1.up_to",
    ]
    unknown = await provider.send("POST", plans, {**PAYG, "name": "y", "unit_amount": "2"})
    assert (unknown.status_code, "unit_amount" in unknown.text) == (422, True)
    assert [plan["name"] for plan in (await provider.get(plans))["data"]] == [PAYG["name"]]


async def test_a_period_is_estimated_tier_by_tier(service: PortalService) -> None:
    provider, developer = await service.user("provider"), await service.user("developer")
    offer = await service.published_api(provider, plan=GRADUATED)
    command = await subscribe(service, developer, offer)
    await service.say(METERING_USAGE, command.subscription_id, window(command, 0, 1, 41))

    async def estimated() -> bool:
        summary = await developer.get(f"/v1/portal/{offer.organization}/billing/usage-summary")
        (one,) = summary["subscriptions"]
        if one["units"] != 41:
            return False
        assert [(line["description"], line["text"], line["amount_minor"]) for line in one["lines"]] == [
            ("Fee per month", "$10.00", 1000),
            ("Tier 1 (1 to 10)", "$5.00 flat", 500),
            ("Tier 2 (11 to 100)", "31 × $0.036 = $1.116 ≈ $1.12", 112),
        ]
        assert one["estimated_amount"] == {"currency": "usd", "amount_minor": 1612, "formatted": "$16.12"}
        assert one["period_start"] == START.isoformat().replace("+00:00", "Z")
        return True

    await eventually(estimated, timeout_seconds=20)
