"""What each policy accepts, refuses and changes."""

import json

import pytest
from tests.service.gateway.builders import START

from gateway.domain.policy_chain import chains_of, cross_origin_of
from gateway.domain.problems import PROBLEMS
from shared.events.catalog import Deployment, Operation, Policy
from shared.policies import KINDS, policy_schema, read_policy
from shared.policy_kind import PolicyCall

BAD = [
    ("nothing", {}),
    ("ip-filter", {"allow": ["300.1.2.3/8"]}),
    ("ip-filter", {"allowed": ["10.0.0.0/8"]}),
    ("request-size", {}),
    ("request-size", {"max_bytes": -1}),
    ("required-scopes", {"scopes": []}),
    ("path-rewrite", {"prefix": "/a", "replacement": "/../b"}),
    ("request-headers", {"set": [{"name": "Host", "value": "evil"}]}),
    ("request-headers", {"set": [{"name": "X-Tollway-Application", "value": "1"}]}),
    ("request-headers", {"set": [{"name": "X-A", "value": "a\r\nX-B: b"}]}),
    ("request-headers", {"set": [{"name": "X A", "value": "a"}]}),
    ("response-headers", {"remove": ["Content-Length"]}),
    ("mock-response", {"status": 101}),
    ("mock-response", {"headers": [{"name": "Transfer-Encoding", "value": "chunked"}]}),
    ("cors", {"allow_origins": ["*"], "allow_credentials": True}),
    ("cors", {"allow_origins": ["javascript:alert(1)"]}),
]


def call(**changed: object) -> PolicyCall:
    fields: dict[str, object] = {
        "method": b"GET",
        "rest": b"/v1/books?page=2&key=secret",
        "lines": [b"Accept: */*", b"X-Debug: 1", b"x-debug: 2"],
        "address": "192.0.2.7",
        "length": 0,
        "scopes": frozenset({"books:read"}),
        "request_id": b"0123456789abcdef0123456789abcdef",
        "application": 3,
    }
    return PolicyCall(**(fields | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "config"), BAD)
def test_wrong_settings_are_refused_with_words(kind: str, config: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".{8}"):
        read_policy(kind, config)


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_policy_has_a_schema_and_a_description(kind: str) -> None:
    json.dumps(policy_schema(kind))
    assert (KINDS[kind].__doc__ or "").endswith(".")


@pytest.mark.parametrize(
    ("config", "address", "allowed"),
    [
        ({"allow": ["192.0.2.0/24"]}, "192.0.2.7", True),
        ({"allow": ["192.0.2.0/24"]}, "198.51.100.1", False),
        ({"deny": ["192.0.2.7/32"]}, "192.0.2.7", False),
        ({"deny": ["192.0.2.7/32"]}, "192.0.2.8", True),
        ({"allow": ["192.0.2.0/24"], "deny": ["192.0.2.7/32"]}, "192.0.2.7", False),
        ({"allow": ["2001:db8::/32"]}, "2001:db8::5", True),
        ({"deny": ["192.0.2.0/24"]}, "::ffff:192.0.2.7", False),
        ({"allow": ["192.0.2.0/24"]}, "unknown", False),
    ],
)
def test_addresses(config: dict[str, object], address: str, allowed: bool) -> None:
    assert (read_policy("ip-filter", config).refuse(call(address=address)) == "") is allowed


def test_guards_name_problems_that_the_gateway_knows() -> None:
    refusals = [
        read_policy("ip-filter", {"deny": ["0.0.0.0/0"]}).refuse(call()),
        read_policy("request-size", {"max_bytes": 5}).refuse(call(length=6)),
        read_policy("request-size", {"max_bytes": 5}).refuse(call(length=-1, lines=[b"Transfer-Encoding: chunked"])),
        read_policy("required-scopes", {"scopes": ["books:write"]}).refuse(call()),
    ]
    assert refusals == ["client-address-refused", "payload-too-large", "length-required", "insufficient-scope"]
    assert set(refusals) <= set(PROBLEMS)
    assert read_policy("required-scopes", {"scopes": ["books:read"]}).refuse(call()) == ""


def test_requests_are_shaped() -> None:
    one = call()
    read_policy("path-rewrite", {"prefix": "/v1", "replacement": "/internal/v2"}).shape(one)
    read_policy("query-parameters", {"set": {"page": "3", "a b": "ü&"}, "remove": ["key"]}).shape(one)
    assert one.rest == b"/internal/v2/books?page=3&a%20b=%C3%BC%26"
    read_policy(
        "request-headers", {"set": [{"name": "X-Debug", "value": "0"}], "add": [{"name": "X-New", "value": "1"}]}
    ).shape(one)
    assert one.lines == [b"Accept: */*", b"X-Debug: 0", b"X-New: 1"]
    read_policy("trace-context", {}).shape(one)
    assert one.lines[-1] == b"traceparent: 00-0123456789abcdef0123456789abcdef-0123456789abcdef-00"
    read_policy("trace-context", {}).shape(one)
    assert sum(line.startswith(b"traceparent") for line in one.lines) == 1
    read_policy("consumer-identity", {}).shape(one)
    assert b"X-Tollway-Application: 3" in one.lines
    assert b"X-Tollway-Scopes: books:read" in one.lines


@pytest.mark.parametrize(
    ("rest", "expected"), [(b"/v1", b"/"), (b"/v10/a", b"/v10/a"), (b"/v1/a?b=/v1", b"/a?b=/v1"), (b"/v1/", b"/")]
)
def test_a_path_prefix_is_whole_segments(rest: bytes, expected: bytes) -> None:
    one = call(rest=rest)
    read_policy("path-rewrite", {"prefix": "/v1"}).shape(one)
    assert one.rest == expected


@pytest.mark.parametrize(
    ("value", "units"), [(b"7", 7), (b"0", 0), (b"-1", None), (b"1.5", None), (b"9999999", 500), (b"", None)]
)
def test_units_are_whole_and_bounded(value: bytes, units: int | None) -> None:
    policy = read_policy("units-from-header", {"header": "X-Tokens", "max_units": 500})
    lines = [b"Content-Type: text/plain", b"x-tokens: " + value]
    assert policy.units(lines) == units
    assert policy.shape_response(lines) == [b"Content-Type: text/plain"]


def deployment(*policies: Policy) -> Deployment:
    operations = tuple(Operation(number=number, method="GET", path_template=f"/{number}") for number in (1, 2))
    return Deployment(
        revision=1, upstream_url="http://u.test", operations=operations, deployed_at=START, policies=policies
    )


def test_order_is_that_of_the_kinds_and_an_operation_goes_before_the_api() -> None:
    chains = chains_of(
        deployment(
            Policy(kind="request-size", config={"max_bytes": 1}, operations=(2,)),
            Policy(kind="request-size", config={"max_bytes": 9}),
            Policy(kind="ip-filter", config={"deny": ["192.0.2.0/24"]}, operations=(2,)),
        )
    )
    assert chains[1].refuse(call(length=5)) == ""
    assert chains[2].refuse(call(length=5)) == "client-address-refused"
    assert chains[2].refuse(call(length=5, address="10.0.0.1")) == "payload-too-large"


def test_without_policies_there_is_no_chain() -> None:
    assert chains_of(deployment()) == {}
    cors = Policy(kind="cors", config={"allow_origins": ["https://app.test"], "expose_headers": ["ETag"]})
    assert chains_of(deployment(cors)) == {}
    rule = cross_origin_of(deployment(cors))
    assert rule is not None
    assert rule.allows(b"https://app.test")
    assert not rule.allows(b"https://other.test")
    assert b"Access-Control-Expose-Headers: ETag\r\n" in rule.answer_headers(b"https://app.test")
