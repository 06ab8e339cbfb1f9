"""Steps 1 to 6: what the provider does."""

import httpx

from journey.expect import StepFailed, expect
from journey.state import Journey, Person

WAIT = {"Prefer": "wait=10"}


def sign_up(person: Person, name: str) -> None:
    """An account, and a personal access token to work with."""
    person.client.post("/v1/users", {"email": person.email, "password": person.password, "name": name})
    with httpx.Client(base_url=person.client.base_url, timeout=30) as browser:
        signed_in = browser.post("/v1/sessions", json={"email": person.email, "password": person.password})
        expect(
            signed_in.status_code in (200, 201), f"signing in answered {signed_in.status_code}: {signed_in.text[:300]}"
        )
        created = browser.post(
            "/v1/personal-access-tokens",
            json={"name": "make demo"},
            headers={"X-CSRF-Token": signed_in.json()["csrf_token"]},
        )
        expect(created.status_code == 201, f"creating a token answered {created.status_code}: {created.text[:300]}")
    person.token = created.json()["token"]
    person.client.use_token(person.token)


def organize(journey: Journey) -> str:
    """Step 1."""
    sign_up(journey.provider, "Pat Provider")
    client = journey.provider.client
    organization = client.post(
        "/v1/organizations",
        {
            "name": "sampleorganization",
            "identifier": f"sampleorganization-{journey.run}",
            "privacy_policy_accepted": True,
            "terms_accepted": True,
        },
    )
    journey.organization_id, journey.organization = organization["id"], organization["identifier"]
    project = client.post(
        f"/v1/organizations/{journey.organization_id}/projects",
        {"display_name": "Sample Project", "identifier": "sample-project", "description": "My sample project"},
    )
    journey.project_id = project["id"]
    return f"{journey.organization_id} {journey.project_id} 201"


def import_deploy_promote(journey: Journey) -> str:
    """Step 2."""
    client = journey.provider.client
    api = client.post(
        f"/v1/organizations/{journey.organization_id}/projects/{journey.project_id}/apis",
        {"openapi": {"url": f"{journey.addresses.upstream}/openapi.yaml"}},
    )
    journey.api_id = api["id"]
    operations = client.get(f"/v1/apis/{journey.api_id}/operations")["data"]
    expect(len(operations) >= 5, f"{len(operations)} operations generated, the contract has at least 5")
    client.post(f"/v1/apis/{journey.api_id}/deployments", {"environment": "development"})
    production = client.post(f"/v1/apis/{journey.api_id}/promotions", {"use_development_endpoint_configuration": True})
    expect(production["status"] == "active", f"Deployment Status {production['status']}, expected active")
    journey.api_url = production["gateway_url"].rstrip("/")
    return f"{journey.api_id} {len(operations)} operations, Production {production['status']}"


def connect_stripe(journey: Journey) -> str:
    """Step 3: a fresh account at Stripe, its two keys entered and checked."""
    account = httpx.post(f"{journey.addresses.stripe}/_admin/accounts", json={}, timeout=30).raise_for_status().json()
    connection = journey.provider.client.put(
        f"/v1/organizations/{journey.organization_id}/stripe-credentials",
        {"secret_key": account["secret_key"], "publishable_key": account["publishable_key"]},
        headers=WAIT,
    )
    expect(connection["status"] == "connected", f"Stripe is {connection}")
    return f"{connection['account_id']} connected, mode {connection['mode']}"


def create_plan(journey: Journey) -> str:
    """Step 4. The form's 0.02 USD is the API's "2" (minor units)."""
    client = journey.provider.client
    plan = client.post(
        f"/v1/organizations/{journey.organization_id}/plans",
        {
            "name": "Pay-as-you-go",
            "description": "Pay $0.02 per API request, billed monthly",
            "rate_limit": {"count": 1000, "unit": "minute"},
            "pricing_model": "unit",
            "currency": "usd",
            "billing_period": "month",
            "unit_amount_decimal": "2",
        },
    )
    journey.plan_id = plan["id"]
    listed = client.get(f"/v1/organizations/{journey.organization_id}/plans")["data"]
    expect(any(p["id"] == journey.plan_id for p in listed), "the plan is not in the list")
    return f"{journey.plan_id} in the list of {len(listed)}"


def enable_plan(journey: Journey) -> str:
    """Step 5."""
    client = journey.provider.client
    client.put(f"/v1/apis/{journey.api_id}/plans", {"plan_ids": [journey.plan_id]})
    enabled = client.get(f"/v1/apis/{journey.api_id}/plans")["data"]
    expect([p["id"] for p in enabled] == [journey.plan_id], f"enabled plans are {enabled}")
    return f"{journey.plan_id} enabled"


def publish(journey: Journey) -> str:
    """Step 6."""
    client = journey.provider.client
    client.post(f"/v1/apis/{journey.api_id}/lifecycle", {"action": "publish"})
    state = client.get(f"/v1/apis/{journey.api_id}/lifecycle")["state"]
    expect(state == "published", f"lifecycle state {state}")
    shown = client.get(f"/v1/portal/{journey.organization}/apis")["data"]
    if not any(api["id"] == journey.api_id for api in shown):
        raise StepFailed("the API does not appear in the Developer Portal's list")
    return f"{state}, in the portal of {journey.organization}"
