"""Bad input at the control plane's doors: the right status, a problem that names the field, and nothing has changed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from tests.support.portal import CONTRACT, UNIT_PLAN, Portal, created, portal, provider_with_api

MEGABYTE = 1_000_000
EMAIL = "provider@example.com"
KEY_A, KEY_B = "1AAAAAAAAAAAAAAA", "1BBBBBBBBBBBBBBB"


@pytest.fixture(scope="module")
def database_url(database: Callable[[str], str]) -> str:
    return database("bad_input")


@dataclass
class Doors:
    """A portal with one provider who has an organization, a project, an API and a plan."""

    here: Portal
    provider: httpx.AsyncClient
    ids: dict[str, str]

    @property
    def imports(self) -> str:
        return f"/v1/organizations/{self.ids['organization']}/projects/{self.ids['project']}/apis"

    @property
    def plans(self) -> str:
        return f"/v1/organizations/{self.ids['organization']}/plans"

    async def everything(self) -> dict[str, int]:
        """How many rows there are of all that a request could make; what is published included."""
        tables = ("apis", "plans", "applications", "subscriptions", "stripe_connections", "outbox", "projects")
        async with self.here.service.engine.connect() as connection:
            return {
                table: (await connection.execute(text(f"select count(*) from {table}"))).scalar_one()
                for table in tables
            }

    @asynccontextmanager
    async def nothing_changes(self) -> AsyncIterator[None]:
        before = await self.everything()
        yield
        assert await self.everything() == before


_provider: dict[str, Any] = {}


@pytest.fixture
async def doors(database_url: str) -> AsyncIterator[Doors]:
    async with portal(database_url) as here:
        if database_url not in _provider:
            client = await here.signed_up(EMAIL)
            token = client.headers["Authorization"].removeprefix("Bearer ")
            _provider[database_url] = (token, await provider_with_api(client, "Bad Input"))
        token, ids = _provider[database_url]
        yield Doors(here, here.client(token), ids)


def is_problem(answer: httpx.Response, status: int, name: str, field: str | None, *words: str) -> None:
    """A problem document of this type that names the field and says what to do."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"].startswith("application/problem+json")
    body = answer.json()
    assert (body["type"].rpartition("/")[2], body.get("field"), body["status"]) == (name, field, status), body
    assert body["title"]
    assert len(body["detail"]) > 15
    for word in words:
        assert word in answer.text, f"{word!r} is not in {answer.text[:500]}"


def many_operations(count: int) -> str:
    paths = "\n".join(f'  /p{n}:\n    get: {{responses: {{"200": {{description: ok}}}}}}' for n in range(count))
    return f"openapi: 3.0.3\ninfo: {{title: Many, version: 1.0.0}}\nservers: [{{url: 'http://93.184.216.34'}}]\npaths:\n{paths}\n"


def with_schemas(schemas: str) -> str:
    return CONTRACT + f"components:\n  schemas:\n{schemas}"


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(8)
)
CONTRACTS = {
    "text": ("hello", "contract-invalid", 422, "not an OpenAPI document"),
    "other yaml": ("hello: world", "contract-invalid", 422, "Only OpenAPI 3.0 and 3.1"),
    "a list": ("[1, 2, 3]", "contract-invalid", 422, "not an OpenAPI document"),
    "nothing": ("", "contract-invalid", 422, "empty"),
    "broken yaml": ("openapi: 3.0.3\ninfo: [", "contract-invalid", 422, "Neither YAML nor JSON"),
    "broken json": ('{"openapi": "3.0.3",', "contract-invalid", 422, "Neither YAML nor JSON"),
    "swagger 2": ("swagger: '2.0'\ninfo: {title: A, version: '1'}\npaths: {}", "contract-invalid", 422, "Only OpenAPI"),
    "openapi 4": ("openapi: 4.0.0\ninfo: {title: A, version: '1'}\npaths: {}", "contract-invalid", 422, "Only OpenAPI"),
    "no operations": (
        "openapi: 3.0.3\ninfo: {title: A, version: '1'}\npaths: {}", "contract-invalid", 422, "0 operations",
    ),
    "2,000 operations": (many_operations(2000), "contract-invalid", 422, "It has 2000 operations; 1 to 1000"),
    "a reference outside": (
        with_schemas("    A: {$ref: 'http://169.254.169.254/latest#/A'}\n"),
        "contract-invalid", 422, "leads outside the document",
    ),
    "a reference to nothing": (
        CONTRACT.replace("{description: One book}", "{$ref: '#/components/responses/Nothing'}"),
        "contract-invalid", 422, "errors",
    ),
    "references in a circle": (
        CONTRACT.replace(
            "{description: The books}",
            "{description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/A'}}}}",
        )
        + "components:\n  schemas:\n    A: {$ref: '#/components/schemas/B'}\n    B: {$ref: '#/components/schemas/A'}\n",
        "contract-invalid", 422, "circle",
    ),
    "an alias in a circle": ("openapi: 3.0.3\ninfo: &a {title: *a, version: '1'}", "contract-invalid", 422, "alias"),
    "a billion laughs": (LAUGHS, "contract-invalid", 422, "aliases expanded"),
    "deeper than anybody needs": ("[" * 150 + "]" * 150, "contract-invalid", 422, "Nested deeper"),
    "20 MB": ("#" * (20 * MEGABYTE), "contract-too-large", 413, "5 MB"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRACTS)
async def test_a_contract_that_is_none(doors: Doors, name: str) -> None:
    document, problem, status, words = CONTRACTS[name]
    async with doors.nothing_changes():
        answer = await doors.provider.post(doors.imports, json={"openapi": {"document": document}})
    is_problem(answer, status, problem, "openapi", words)


async def test_a_schema_that_contains_itself_is_no_fault(doors: Doors) -> None:
    node = (
        "    Node: {type: object, properties: {children: {type: array, items: {$ref: '#/components/schemas/Node'}}}}\n"
    )
    tree = with_schemas(node).replace("Reading List API", "Trees")
    await created(await doors.provider.post(doors.imports, json={"openapi": {"document": tree}}))


async def test_a_document_larger_than_anything_is_refused_unread(doors: Doors) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" " * MEGABYTE

    async with doors.nothing_changes():
        sized = await doors.provider.post(doors.imports, content=b" " * (25 * MEGABYTE))
        unsized = await doors.provider.post(doors.imports, content=endless())
        file = ("openapi.yaml", b"#" * (20 * MEGABYTE))
        uploaded = await doors.provider.post(doors.imports, files={"file": file})
    for answer in (sized, unsized, uploaded):
        is_problem(answer, 413, "contract-too-large", "openapi", "5 MB")


async def test_a_document_larger_than_anything_behind_a_url(database_url: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        try:
            for _ in range(20):
                writer.write(b"#" * MEGABYTE)
                await writer.drain()
        except ConnectionError:
            pass  # the portal hung up, as it should
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, portal(database_url, allowed=f"127.0.0.1:{port}") as here:
        client = await here.signed_up("large@example.com")
        ids = await provider_with_api(client, "Large")
        doors = Doors(here, client, ids)
        async with doors.nothing_changes():
            body = {"openapi": {"url": f"http://127.0.0.1:{port}/"}}
            is_problem(await client.post(doors.imports, json=body), 413, "contract-too-large", "openapi.url")


INSIDE = {
    "loopback": "http://127.0.0.1:8081/metrics",
    "loopback by name": "http://localhost:8081/metrics",
    "loopback as a number": "http://2130706433:8081/",
    "this host": "http://0.0.0.0/",
    "cloud metadata": "http://169.254.169.254/latest/meta-data/",
    "private network": "http://10.1.2.3/openapi.yaml",
    "IPv6 loopback": "http://[::1]/",
    "IPv4 inside IPv6": "http://[::ffff:10.0.0.1]/",
    "NAT64": "http://[64:ff9b::7f00:1]/",
}


@pytest.mark.parametrize("name", INSIDE)
async def test_an_inside_address_is_refused_as_contract_and_as_upstream(doors: Doors, name: str) -> None:
    url = INSIDE[name]
    async with doors.nothing_changes():
        fetched = await doors.provider.post(doors.imports, json={"openapi": {"url": url}})
        deployed = await doors.provider.post(f"/v1/apis/{doors.ids['api']}/deployments", json={"endpoint_url": url})
    is_problem(fetched, 422, "address-not-allowed", "openapi.url")
    is_problem(deployed, 422, "address-not-allowed", "endpoint_url")


async def test_a_name_that_points_inside_is_refused_even_if_it_did_not_a_moment_ago(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: what was checked is what is connected to."""
    answers = iter(["93.184.216.34"])
    loop = asyncio.get_running_loop()
    real = loop.getaddrinfo

    async def rebinding(host: Any, port: Any, **more: Any) -> Any:
        if host == "rebind.example":
            return [(2, 1, 6, "", (next(answers, "127.0.0.1"), port))]
        return await real(host, port, **more)

    monkeypatch.setattr(loop, "getaddrinfo", rebinding)
    next(answers)  # whoever looked first saw a public address
    async with doors.nothing_changes():
        answer = await doors.provider.post(
            doors.imports, json={"openapi": {"url": "http://rebind.example/openapi.yaml"}}
        )
    is_problem(answer, 422, "address-not-allowed", "openapi.url")


URLS = {
    "another scheme": ("file:///etc/passwd", "url-invalid"),
    "a password in it": ("http://user:secret@example.com/", "url-invalid"),
    "no host": ("http:///openapi.yaml", "url-invalid"),
    "an address in octal": ("http://0177.0.0.1/", "url-invalid"),
    "a host with two dots": ("http://a..example/", "contract-unreachable"),
    "a bracket too few": ("http://[::1/", "url-invalid"),
    "a port beyond the last": ("http://example.com:99999/", "url-invalid"),
    "a name that is nobody's": ("http://nobody.invalid/openapi.yaml", "contract-unreachable"),
}


@pytest.mark.parametrize("name", URLS)
async def test_a_url_that_leads_nowhere(doors: Doors, name: str) -> None:
    url, problem = URLS[name]
    async with doors.nothing_changes():
        answer = await doors.provider.post(doors.imports, json={"openapi": {"url": url}})
    is_problem(answer, 422, problem, "openapi.url")


def tiers(*bounds: int | None) -> dict[str, Any]:
    terms = [{"up_to": bound, "unit_amount_decimal": "1"} for bound in bounds]
    return {"pricing_model": "graduated", "unit_amount_decimal": None, "tiers": terms}


TERMS: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown currency": ({"currency": "xyz"}, "plan-invalid", "currency"),
    "a currency in capitals": ({"currency": "USD"}, "plan-invalid", "currency"),
    "13 decimals": ({"unit_amount_decimal": "0.0000000000001"}, "plan-invalid", "unit_amount_decimal"),
    "an exponent": ({"unit_amount_decimal": "1E-7"}, "plan-invalid", "unit_amount_decimal"),
    "a negative price": ({"unit_amount_decimal": "-1"}, "plan-invalid", "unit_amount_decimal"),
    "no number": ({"unit_amount_decimal": "two"}, "plan-invalid", "unit_amount_decimal"),
    "not a number": ({"unit_amount_decimal": "NaN"}, "plan-invalid", "unit_amount_decimal"),
    "more than anybody pays": ({"unit_amount_decimal": "100000000"}, "plan-invalid", "unit_amount_decimal"),
    "a float": ({"unit_amount_decimal": 0.02}, "invalid-request", "unit_amount_decimal"),
    "no price": ({"unit_amount_decimal": None}, "plan-invalid", "unit_amount_decimal"),
    "another model's price": ({"flat_amount_decimal": "5", "tiers": [{"up_to": None}]}, "plan-invalid", "tiers"),
    "tiers out of order": (tiers(100, 50, None), "plan-invalid", "tiers.1.up_to"),
    "two tiers with one bound": (tiers(100, 100, None), "plan-invalid", "tiers.1.up_to"),
    "a last tier with a bound": (tiers(100, 200), "plan-invalid", "tiers.1.up_to"),
    "an open tier in the middle": (tiers(100, None, None), "plan-invalid", "tiers.1.up_to"),
    "a tier that ends at 0": (tiers(0, None), "plan-invalid", "tiers.0.up_to"),
    "unknown model": ({"pricing_model": "guess"}, "invalid-request", "pricing_model"),
    "unknown period": ({"billing_period": "fortnight"}, "invalid-request", "billing_period"),
    "a limit of 0": ({"rate_limit": {"count": 0, "unit": "minute"}}, "invalid-request", "rate_limit.count"),
    "a limit per fortnight": ({"rate_limit": {"count": 1, "unit": "fortnight"}}, "invalid-request", "rate_limit.unit"),
    "no name": ({"name": ""}, "invalid-request", "name"),
}


@pytest.mark.parametrize("name", TERMS)
async def test_a_plan_that_cannot_be_sold(doors: Doors, name: str) -> None:
    change, problem, field = TERMS[name]
    body = {key: value for key, value in {**UNIT_PLAN, "name": "Bad", **change}.items() if value is not None}
    async with doors.nothing_changes():
        answer = await doors.provider.post(doors.plans, json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["type"].rpartition("/")[2] == problem, answer.text
    named = [answer.json().get("field"), *(error.get("field") for error in answer.json().get("errors", ()))]
    assert field in named, answer.text


def keys(secret: str, publishable: str) -> dict[str, str]:
    return {"secret_key": secret, "publishable_key": publishable}


SECRET, PUBLISHABLE = f"sk_test_5{KEY_A}abcdefgh", f"pk_test_5{KEY_A}abcdefgh"
KEYS = {
    "no key": (keys("hello", PUBLISHABLE), "invalid-stripe-key", "secret_key"),
    "swapped": (keys(PUBLISHABLE, SECRET), "invalid-stripe-key", "secret_key"),
    "two secret keys": (keys(SECRET, SECRET), "invalid-stripe-key", "publishable_key"),
    "two modes": (keys(SECRET, f"pk_live_5{KEY_A}abcdefgh"), "stripe-keys-different-modes", "publishable_key"),
    "two accounts": (keys(SECRET, f"pk_test_5{KEY_B}abcdefgh"), "stripe-keys-different-accounts", "publishable_key"),
    "one only": ({"secret_key": SECRET}, "invalid-request", "publishable_key"),
}


@pytest.mark.parametrize("name", KEYS)
async def test_stripe_keys_that_cannot_work(doors: Doors, name: str) -> None:
    body, problem, field = KEYS[name]
    async with doors.nothing_changes():
        path = f"/v1/organizations/{doors.ids['organization']}/stripe-credentials"
        answer = await doors.provider.put(path, json=body)
    is_problem(answer, 422, problem, field)
    assert SECRET not in answer.text, "a key is never repeated"


async def test_what_is_not_ones_own_does_not_exist(doors: Doors) -> None:
    stranger = await doors.here.signed_up("other-provider@example.com")
    theirs = await provider_with_api(stranger, "Other Provider")
    ours = doors.ids
    application = await created(await doors.provider.post("/v1/portal/bad-input/applications", json={"name": "Ours"}))
    plans = {"plan_ids": [theirs["plan"]]}
    wanted = {"api_id": theirs["api"], "plan_id": theirs["plan"]}
    base = f"/v1/organizations/{ours['organization']}/projects"
    cases: list[tuple[httpx.AsyncClient, str, str, Any, int, str]] = [
        (doors.provider, "PUT", f"/v1/apis/{ours['api']}/plans", plans, 422, "plan-not-usable"),
        (doors.provider, "PUT", f"/v1/apis/{theirs['api']}/plans", plans, 404, "api-not-found"),
        (doors.provider, "PATCH", f"/v1/plans/{theirs['plan']}", {"name": "Mine"}, 404, "plan-not-found"),
        (doors.provider, "DELETE", f"/v1/plans/{theirs['plan']}", None, 404, "plan-not-found"),
        (doors.provider, "POST", f"{base}/{theirs['project']}/apis", {"openapi": {"document": CONTRACT}}, 404,
         "project-not-found"),
        (doors.provider, "POST", f"/v1/applications/{application['id']}/subscriptions", wanted, 404, "api-not-found"),
        (stranger, "POST", f"/v1/applications/{application['id']}/subscriptions", wanted, 404, "application-not-found"),
        (stranger, "DELETE", f"/v1/applications/{application['id']}", None, 404, "application-not-found"),
        (stranger, "POST", f"/v1/applications/{application['id']}/oauth-clients", {"environment": "production"}, 404,
         "application-not-found"),
        (stranger, "GET", f"/v1/organizations/{ours['organization']}/stripe-credentials", None, 404,
         "organization-not-found"),
        (stranger, "PUT", f"/v1/organizations/{ours['organization']}/stripe-credentials", keys(SECRET, PUBLISHABLE),
         404, "organization-not-found"),
        (stranger, "PUT", f"/v1/organizations/{ours['organization']}/payment-grace", {"grace_days": 9}, 404,
         "organization-not-found"),
        (stranger, "POST", "/v1/subscriptions/sub_nobody/billing-portal", None, 404, "subscription-not-found"),
    ]  # fmt: skip
    async with doors.nothing_changes():
        for client, method, path, body, status, problem in cases:
            answer = await client.request(method, path, json=body)
            seen = (answer.status_code, answer.json()["type"].rpartition("/")[2])
            assert seen == (status, problem), (method, path, answer.text)


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"{}", json.dumps({"name": 1}).encode()])
async def test_a_body_that_is_not_the_one_expected(doors: Doors, body: bytes) -> None:
    async with doors.nothing_changes():
        for path in (doors.plans, "/v1/portal/bad-input/applications", doors.imports):
            answer = await doors.provider.post(path, content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 422, (path, answer.text)
            assert answer.json()["field"], answer.text


@pytest.mark.parametrize(
    "authorization", ["Bearer pat_forged", "Bearer ", "Basic eDp5", "Bearer " + "x" * 5000, "nonsense"]
)
async def test_a_token_that_opens_nothing(doors: Doors, authorization: str) -> None:
    async with doors.nothing_changes():
        client = doors.here.client()
        answer = await client.post(doors.plans, json=UNIT_PLAN, headers={"Authorization": authorization})
    is_problem(answer, 401, "authentication-required", None)
    assert answer.headers["www-authenticate"].startswith("Bearer")
