"""The catalogue's decisions: addresses, contracts, plans, the lifecycle."""

from dataclasses import replace

import pytest
from tests.support.portal import CONTRACT

from portal_api.catalog.adapters.contract_reader import _Refused, read_document
from portal_api.catalog.domain.address import parse_target
from portal_api.catalog.domain.contract import endpoint_of
from portal_api.catalog.domain.release import TRANSITIONS, ReleaseFacts, checks_for, failing, transitions
from portal_api.identity.domain.access import covers
from portal_api.identity.domain.password import password_fault
from portal_api.organizations.domain.organization import slug
from shared.addresses import Target, is_reachable, parse_allowed

READY = ReleaseFacts(
    deployed_to_production=True, enabled_plans=1, paid_plans=1, stripe_connected=True, live_subscriptions=0
)


@pytest.mark.parametrize(
    ("address", "reachable"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("192.168.0.1", False),
        ("172.16.0.1", False),
        ("169.254.169.254", False),
        ("100.100.100.200", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_only_public_addresses_are_reachable(address: str, reachable: bool) -> None:
    assert is_reachable(Target("somewhere.example", 443), address, frozenset()) is reachable


def test_the_operator_allows_one_port_not_a_host() -> None:
    allowed = parse_allowed("127.0.0.1:8500, upstream.internal:80")
    assert is_reachable(Target("127.0.0.1", 8500), "127.0.0.1", allowed)
    assert is_reachable(Target("upstream.internal", 80), "10.0.0.9", allowed)
    assert not is_reachable(Target("127.0.0.1", 8501), "127.0.0.1", allowed)
    networks = parse_allowed("10.2.0.0/16")
    assert is_reachable(Target("upstream.internal", 4711), "10.2.3.4", networks)
    assert not is_reachable(Target("upstream.internal", 4711), "10.3.3.4", networks)
    with pytest.raises(ValueError, match="host:port"):
        parse_allowed("127.0.0.1")


@pytest.mark.parametrize("url", ["ftp://x.y", "http://", "http://a:b@c.d/", "http://x.y:99999/", "file:///etc/passwd"])
def test_what_is_no_url_to_call(url: str) -> None:
    assert isinstance(parse_target(url), str)


def test_a_contract_is_read() -> None:
    contract = read_document(CONTRACT, None)
    assert (contract.title, contract.version, contract.endpoint_url) == (
        "Reading List API",
        "1.0.0",
        "http://93.184.216.34/v1",
    )
    assert len(contract.operations) == 3


@pytest.mark.parametrize(
    ("servers", "source", "endpoint"),
    [
        ([{"url": "/v2"}], "https://a.example/specs/openapi.yaml", "https://a.example/v2"),
        ([{"url": "v2/"}], "https://a.example/specs/openapi.yaml", "https://a.example/specs/v2"),
        (None, "https://a.example/specs/openapi.yaml", "https://a.example"),
        (None, None, None),
        ([{"url": "https://{env}.example", "variables": {"env": {"default": "live"}}}], None, "https://live.example"),
    ],
)
def test_the_endpoint_comes_from_the_first_server(
    servers: list[dict[str, object]] | None, source: str | None, endpoint: str | None
) -> None:
    assert endpoint_of({"servers": servers}, source) == endpoint


@pytest.mark.parametrize(
    ("document", "line", "says"),
    [
        ("a: [1,\nb: }", 2, "Neither YAML nor JSON"),
        ("", 1, "empty"),
        ("[1]", 1, "object"),
        ("info: {}\nopenapi: 2.0.0\n", 2, "3.0 and 3.1"),
        ("[" * 200, 1, "deeper"),
        ("a: &a [*a]", 1, "alias"),
        (CONTRACT.replace("{description: The books}", "{$ref: 'http://x.y/z'}"), 13, "outside the document"),
        (CONTRACT.replace("get:\n      operationId: getBook", "get:\n      operationId: 7"), 19, "7"),
    ],
)
def test_faults_in_a_contract_have_lines(document: str, line: int, says: str) -> None:
    with pytest.raises(_Refused) as refused:
        read_document(document, None)
    first = refused.value.faults[0]
    assert first.line == line
    assert says in first.message


def test_aliases_that_expand_without_end_are_refused() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(_Refused, match="aliases expanded"):
        read_document("\n".join(lines), None)


def test_the_lifecycle_is_the_contracts() -> None:
    assert {step for start, step in TRANSITIONS if start == "published"} == {"block", "unpublish", "deprecate"}
    assert not [step for start, step in TRANSITIONS if start == "retired"]
    assert [step.action for step in transitions("deprecated", READY)] == ["restore", "retire"]


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        (READY, set()),
        (replace(READY, deployed_to_production=False), {"deployed_to_production"}),
        (replace(READY, enabled_plans=0, paid_plans=0), {"plan_enabled"}),
        (replace(READY, stripe_connected=False), {"stripe_connected"}),
        (replace(READY, stripe_connected=False, paid_plans=0), set()),
    ],
)
def test_what_publishing_needs(facts: ReleaseFacts, missing: set[str]) -> None:
    assert {check.name for check in failing(checks_for("publish", facts))} == missing


def test_unpublishing_needs_that_nobody_subscribes() -> None:
    assert failing(checks_for("unpublish", replace(READY, live_subscriptions=1)))
    assert not failing(checks_for("unpublish", READY))


def test_an_admin_covers_a_publisher_and_not_the_other_way_round() -> None:
    assert covers("admin", "publisher")
    assert not covers("publisher", "admin")


@pytest.mark.parametrize("password", ["short", "password123", "aaaaaaaaaaaa", "adalovelace1815", "x" * 201])
def test_weak_passwords(password: str) -> None:
    assert password_fault(password, email="adalovelace@example.com", name="Ada")


def test_a_good_password() -> None:
    assert password_fault("three calm green trees", email="ada@example.com", name="Ada") is None


def test_slugs() -> None:
    assert slug("Résumé & Reading List!") == "resume-reading-list"
