"""Path templates: literal before variable, and what is routed is what is sent."""

import pytest
from msgspec.structs import replace
from tests.service.gateway.builders import START, api

from gateway.domain.route import parse_target, routes_of
from shared.events.catalog import ApiState, Deployment, Operation, Policy

TEMPLATES = (
    "/",
    "/books",
    "/books/mine",
    "/books/{id}",
    "/books/{id}/reviews",
    "/files/{name}.json",
    "/files/{name}",
    "/a/{x}/b/{y}",
    "/slash/",
)


def routes() -> ApiState:
    base = api("https://user@upstream.test:8443/base/")
    operations = tuple(
        Operation(number=number, method="get", path_template=template) for number, template in enumerate(TEMPLATES, 1)
    )
    deployed = Deployment(
        revision=1, upstream_url=base.production.upstream_url, operations=operations, deployed_at=START
    )  # type: ignore[union-attr]
    return type(base)(**{name: getattr(base, name) for name in base.__struct_fields__} | {"production": deployed})


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/", "/"), ("", "/"), ("/books", "/books"), ("/books/mine", "/books/mine"), ("/books/7", "/books/{id}"),
        ("/books/mine/reviews", "/books/{id}/reviews"), ("/files/a.json", "/files/{name}.json"),
        ("/files/a.xml", "/files/{name}"), ("/a/1/b/2", "/a/{x}/b/{y}"), ("/slash/", "/slash/"), ("/books/", None),
        ("/slash", None), ("/a/1/c/2", None), ("/books/7/reviews/8", None), ("/books/caf%c3%a9", "/books/{id}"),
        ("/%62ooks", "/books"),
    ],
)  # fmt: skip
def test_a_path_finds_its_template(path: str, template: str | None) -> None:
    deployed = routes_of(routes())["production"]
    target = parse_target(b"/acme/reading/v1" + path.encode() + b"?q=%2F")
    assert target is not None
    found = deployed.find(target.segments)
    assert (None if found is None else TEMPLATES[found[b"GET"].number - 1]) == template
    assert target.rest.endswith(b"?q=%2F")


def test_the_upstreams_address_is_read_once() -> None:
    upstream = routes_of(routes())["production"].upstream
    assert (upstream.tls, upstream.host, upstream.port) == (True, "upstream.test", 8443)
    assert (upstream.base_path, upstream.authority) == (b"/base", b"upstream.test:8443")


def test_environments_share_their_templates_only_where_nothing_tells_them_apart() -> None:
    base = routes()
    assert base.production is not None
    policy = Policy(kind="request-size", config={"max_bytes": 10})
    for development, shares in (
        (base.production, True),
        (replace(base.production, upstream_url="http://other.test", revision=2), True),
        (replace(base.production, operations=base.production.operations[1:]), False),
        (replace(base.production, policies=(policy,)), False),
    ):
        found = routes_of(replace(base, development=development))
        assert (found["production"].root is found["development"].root) is shares
        operations = found["development"].find([b"books"])
        assert operations is not None
        assert (operations[b"GET"].policies is not None) is bool(development.policies)
    assert routes_of(replace(base, production=None, development=None)) == {}


def test_escapes_are_normalised_before_routing() -> None:
    target = parse_target(b"/acme/reading/v1/%62ooks/caf%c3%a9")
    assert target is not None
    assert target.rest == b"/books/caf%C3%A9"


def test_development_has_its_own_address() -> None:
    target = parse_target(b"/dev/acme/reading/v1/books")
    assert target is not None
    assert target.key == (True, b"acme", b"reading", b"v1")


def test_an_api_that_moves_leaves_its_old_address() -> None:
    from gateway.adapters.access_token import AccessTokens
    from gateway.adapters.tables import GatewayTables
    from shared.events.envelope import encode

    tables = GatewayTables(AccessTokens("x"))
    tables.apply_api("api_1", encode(api("http://u.test", identifier="old")))
    tables.apply_api("api_1", encode(api("http://u.test", version=2, identifier="new")))
    assert tables.routes((False, b"acme", b"old", b"v1")) is None
    assert tables.routes((False, b"acme", b"new", b"v1")) is not None
    tables.apply_api("api_1", encode(api("http://u.test", version=1, identifier="old")))
    assert tables.routes((False, b"acme", b"old", b"v1")) is None
