"""Policies of a deployment, applied to calls."""

from pathlib import Path

from msgspec.structs import replace
from tests.service.gateway import builders
from tests.service.gateway.harness import Harness, request, running, status

from shared.events.catalog import Policy


def attach(gateway: Harness, *policies: Policy, version: int = 2) -> None:
    state = builders.api(f"http://127.0.0.1:{gateway.upstream.port}/base", version=version)
    assert state.production is not None
    gateway.put_api(replace(state, production=replace(state.production, policies=policies)))


async def test_requests_and_responses_are_changed_and_the_caller_is_named(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        attach(
            gateway,
            Policy(kind="path-rewrite", config={"prefix": "/books", "replacement": "/catalogue"}),
            Policy(kind="query-parameters", config={"set": {"tenant": "7"}}),
            Policy(kind="request-headers", config={"set": [{"name": "X-Backend-Key", "value": "k"}]}),
            Policy(kind="consumer-identity", config={}),
            Policy(kind="trace-context", config={}),
            Policy(
                kind="response-headers", config={"set": [{"name": "X-Served-By", "value": "us"}], "remove": ["Etag"]}
            ),
        )
        answer, _ = await gateway.exchange(request(b"/books/304?a=1", b"X-Tollway-Application: 99\r\n"))
        assert status(answer) == 304
        assert b"\r\nX-Served-By: us\r\n" in answer
        assert b"etag" not in answer.lower()
        [(head, _)] = gateway.upstream.received
        assert head.startswith(b"GET /base/catalogue/304?a=1&tenant=7 HTTP/1.1\r\n")
        for line in (
            b"X-Backend-Key: k",
            b"X-Tollway-Application: 3",
            b"X-Tollway-Subscription: 11",
            b"traceparent: 00-",
        ):
            assert b"\r\n" + line in head
        assert b": 99" not in head


async def test_guards_refuse_before_the_rate_limit_and_the_upstream(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        attach(gateway, Policy(kind="ip-filter", config={"deny": ["127.0.0.0/8"]}))
        answer, _ = await gateway.exchange(request(b"/books/ok"))
        assert (status(answer), b"/problems/client-address-refused" in answer) == (403, True)
        assert gateway.upstream.received == []
        assert gateway.records() == []
        assert gateway.log.open_count == 0


async def test_a_mock_answers_without_the_upstream_and_counts_no_units(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        mock = {"status": 201, "body": '{"id": 1}', "headers": [{"name": "Content-Type", "value": "application/json"}]}
        attach(gateway, Policy(kind="mock-response", config=mock))
        both = request(b"/books/ok") + request(b"/books/ok", method=b"HEAD")
        answer, closed = await gateway.exchange(both)
        assert (status(answer), closed) == (201, False)
        assert answer.count(b"Content-Length: 9\r\n") == 2
        assert answer.count(b'{"id": 1}') == 1
        assert gateway.upstream.received == []
        assert [(record[9], record[12]) for record in gateway.records()] == [(0, 201), (0, 201)]


async def test_pages_of_the_policys_origins_may_call(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        attach(gateway, Policy(kind="cors", config={"allow_origins": ["https://app.test"], "allow_headers": ["X-A"]}))
        origin = b"Origin: https://app.test\r\n"
        asked = origin + b"Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: x-b\r\n"
        answer, _ = await gateway.exchange(request(b"/books/ok", asked, method=b"OPTIONS", credential=b""))
        assert (status(answer), b"Access-Control-Allow-Headers: X-A\r\n" in answer) == (204, True)
        answer, _ = await gateway.exchange(request(b"/books/ok", origin))
        assert (status(answer), b"Access-Control-Allow-Origin: https://app.test\r\n" in answer) == (200, True)
        answer, _ = await gateway.exchange(request(b"/books/ok", b"Origin: https://other.test\r\n"))
        assert b"access-control" not in answer.lower()
