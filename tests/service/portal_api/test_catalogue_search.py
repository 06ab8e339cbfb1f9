"""Finding an API in a portal, what its plans would cost, and its contract for callers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from openapi_spec_validator import validate
from tests.support.containers import DatabaseFactory
from tests.support.portal import Portal, created, portal

DATABASE = "portal_search"
CONTRACT = """
openapi: 3.1.0
info: {{title: {title}, version: "1.0.0", description: {description}}}
tags: [{{name: {tag}}}]
servers: [{{url: "http://93.184.216.34/v1"}}]
security: [{{backendKey: []}}]
components: {{securitySchemes: {{backendKey: {{type: apiKey, in: header, name: X-Backend}}}}}}
paths:
  /books:
    servers: [{{url: "http://93.184.216.34/other"}}]
    get: {{operationId: listBooks, tags: [{tag}], security: [], responses: {{"200": {{description: ok}}}}}}
"""
FREE = {"name": "Free", "pricing_model": "free"}


@pytest.fixture(scope="module")
def database_url(database: DatabaseFactory) -> str:
    return database(DATABASE)


@pytest.fixture
async def service(database_url: str) -> AsyncIterator[Portal]:
    async with portal(database_url) as running:
        yield running


async def test_search_tags_estimates_and_contract(service: Portal) -> None:
    provider = await service.signed_up("searcher@example.com")
    terms = {"privacy_policy_accepted": True, "terms_accepted": True}
    org = await created(await provider.post("/v1/organizations", json={"name": "searchable", **terms}))
    base = f"/v1/organizations/{org['id']}"
    project = await created(await provider.post(f"{base}/projects", json={"display_name": "Sample Project"}))
    plan = await created(await provider.post(f"{base}/plans", json=FREE))
    ids = {}
    for title, description, tag in (
        ("Reading List", "Books that were read", "books"),
        ("Weather 100%", "Rain_and sun", "climate"),
        ("Hidden", "Never published", "secret"),
    ):
        document = CONTRACT.format(title=title, description=description, tag=tag)
        body = {"openapi": {"document": document}, "identifier": title.split()[0].lower()}
        api = await created(await provider.post(f"{base}/projects/{project['id']}/apis", json=body))
        ids[title] = api["id"]
        if title == "Hidden":
            continue
        path = f"/v1/apis/{api['id']}"
        await created(await provider.post(f"{path}/deployments", json={"environment": "development"}))
        await created(await provider.post(f"{path}/promotions", json={"use_development_endpoint_configuration": True}))
        assert (await provider.put(f"{path}/plans", json={"plan_ids": [plan["id"]]})).status_code == 200
        assert (await provider.post(f"{path}/lifecycle", json={"action": "publish"})).status_code == 200
    anybody = service.client()

    async def found(**query: str) -> list[str]:
        answer = await anybody.get("/v1/portal/searchable/apis", params=query)
        assert answer.status_code == 200, answer.text
        return [one["display_name"] for one in answer.json()["data"]]

    both = ["Reading List", "Weather 100%"]
    assert await found() == both
    assert await found(q="book list") == ["Reading List"]
    assert await found(q="CLIMATE") == ["Weather 100%"]
    # What LIKE would take for wildcards is text.
    assert await found(q="%") == ["Weather 100%"]
    assert await found(q="n_a") == ["Weather 100%"]
    assert await found(tag="books") == ["Reading List"]
    assert await found(tag="book") == []
    assert (await anybody.get("/v1/portal/searchable/tags")).json() == ["books", "climate"]
    one = (await anybody.get(f"/v1/portal/searchable/apis/{ids['Reading List']}")).json()
    assert (one["tags"], one["price_from"]["text"]) == (["books"], "Free")

    estimates = f"/v1/portal/searchable/apis/{ids['Reading List']}/estimates"
    answer: dict[str, Any] = (await anybody.get(estimates, params={"units": 5})).json()
    assert answer["plans"][0]["amount"] == {"currency": "usd", "amount_minor": 0, "formatted": "$0.00"}
    assert (await anybody.get(estimates, params={"units": -1})).status_code == 422
    assert (
        await anybody.get(estimates.replace(ids["Reading List"], ids["Hidden"]), params={"units": 1})
    ).status_code == 404

    contract = (await anybody.get(f"/v1/portal/searchable/apis/{ids['Reading List']}/openapi")).json()
    validate(contract)
    assert [server["url"] for server in contract["servers"]] == [
        "http://gateway.test/searchable/reading/1.0.0", "http://gateway.test/dev/searchable/reading/1.0.0",
    ]  # fmt: skip
    assert "93.184.216.34" not in str(contract)
    assert contract["security"] == [{"accessToken": []}]
    assert list(contract["components"]["securitySchemes"]) == ["accessToken"]
    assert "security" not in contract["paths"]["/books"]["get"]
    assert (await anybody.get(f"/v1/portal/searchable/apis/{ids['Hidden']}/openapi")).status_code == 404
