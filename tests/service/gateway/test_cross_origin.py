"""The developer portal's pages may call every API from a browser; other pages may not unless a policy lets them."""

from pathlib import Path

import pytest
from tests.service.gateway.harness import request, running, status

PREFLIGHT = b"Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: authorization, x-thing\r\n"


def headers_of(answer: bytes) -> dict[bytes, bytes]:
    lines = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}


async def test_a_preflight_of_the_portal_is_answered_without_credentials_and_upstream(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        answer, closed = await gateway.exchange(
            request(method=b"OPTIONS", headers=b"Origin: http://portal.test\r\n" + PREFLIGHT, credential=b"")
        )
        assert (status(answer), closed) == (204, False)
        headers = headers_of(answer)
        assert headers[b"access-control-allow-origin"] == b"http://portal.test"
        assert b"GET" in headers[b"access-control-allow-methods"]
        assert headers[b"access-control-allow-headers"] == b"authorization, x-thing"
        assert headers[b"vary"] == b"Origin"
        assert b"content-length" not in headers
        assert gateway.upstream.received == []
        assert gateway.records() == []


async def test_a_call_of_the_portal_can_be_read_whatever_its_answer(tmp_path: Path) -> None:
    origin = b"Origin: http://portal.test\r\n"
    async with running(tmp_path) as gateway:
        for raw, expected in (
            (request(headers=origin), 200),
            (request(headers=origin, credential=b""), 401),
            (request(b"/nothing/at/all", headers=origin), 404),
        ):
            answer, _ = await gateway.exchange(raw)
            assert status(answer) == expected
            assert headers_of(answer)[b"access-control-allow-origin"] == b"http://portal.test"
            assert headers_of(answer)[b"access-control-expose-headers"] == b"*"


@pytest.mark.parametrize("origin", [b"http://portal.test:81", b"https://portal.test", b"http://evil.test", b"null"])
async def test_other_origins_get_no_permission(tmp_path: Path, origin: bytes) -> None:
    async with running(tmp_path) as gateway:
        line = b"Origin: " + origin + b"\r\n"
        answer, _ = await gateway.exchange(request(headers=line))
        assert status(answer) == 200
        assert b"access-control" not in answer.lower()
        answer, _ = await gateway.exchange(request(method=b"OPTIONS", headers=line + PREFLIGHT, credential=b""))
        assert status(answer) == 405


async def test_who_calls_cannot_be_claimed_by_the_caller(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        answer, _ = await gateway.exchange(
            request(headers=b"X-Tollway-Application: 99\r\nx_tollway_application: 99\r\nOrigin: http://a.test\r\n")
        )
        assert status(answer) == 200
        [(head, _)] = gateway.upstream.received
        assert b"tollway" not in head.lower()
        assert b"Origin: http://a.test" in head
