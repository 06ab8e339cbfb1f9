"""Who called, when a balancer stands before the gateway, and who says so although none does."""

from pathlib import Path

import pytest
from tests.service.gateway.harness import Harness, request, running, status
from tests.service.gateway.test_policies import attach

from shared.events.catalog import Policy

ONLY_FRIENDS = Policy(kind="ip-filter", config={"allow": ["203.0.113.7/32"]})
BALANCER = ["127.0.0.0/8", "10.0.0.0/8"]


def told(gateway: Harness) -> list[bytes]:
    """What the upstream was told of the last call's way."""
    head, _ = gateway.upstream.received[-1]
    return [line for line in head.split(b"\r\n") if line.lower().startswith((b"x-forwarded", b"forwarded"))]


async def test_what_strangers_say_of_their_address_is_ignored_and_replaced(tmp_path: Path) -> None:
    async with running(tmp_path, trusted_proxies=["10.0.0.0/8"]) as gateway:
        spoofed = b"X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\n"
        await gateway.exchange(request(b"/books/ok", spoofed))
        assert told(gateway) == [
            b"X-Forwarded-For: 127.0.0.1", b"X-Forwarded-Proto: http", b"X-Forwarded-Host: gateway.test",
        ]  # fmt: skip
        attach(gateway, ONLY_FRIENDS)
        answer, _ = await gateway.exchange(request(b"/books/ok", spoofed))
        assert status(answer) == 403


async def test_a_trusted_balancer_is_believed_for_each_request_anew(tmp_path: Path) -> None:
    async with running(tmp_path, trusted_proxies=BALANCER) as gateway:
        attach(gateway, ONLY_FRIENDS)
        friend = request(
            b"/books/ok",
            b"X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: api.example.com\r\n",
        )
        stranger = request(b"/books/ok", b"X-Forwarded-For: 203.0.113.8\r\n")
        answer, closed = await gateway.exchange(friend + stranger + friend + request(b"/books/ok"))
        assert [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]] == [200, 403, 200, 403]
        assert not closed
        assert told(gateway) == [
            b"X-Forwarded-For: 203.0.113.7, 127.0.0.1",
            b"X-Forwarded-Proto: https",
            b"X-Forwarded-Host: api.example.com",
        ]


@pytest.mark.parametrize(
    ("said", "upstream_told"),
    [
        # The right-most address that is no proxy's; what the caller wrote before it goes no further.
        (b"203.0.113.7, 198.51.100.1, 10.1.2.3", b"198.51.100.1, 10.1.2.3, 127.0.0.1"),
        (b"203.0.113.7\r\nX-Forwarded-For: 198.51.100.1", b"198.51.100.1, 127.0.0.1"),
        (b"198.51.100.1:4711", b"198.51.100.1, 127.0.0.1"),
        (b"[2001:db8::1]:4711", b"2001:db8::1, 127.0.0.1"),
        (b"::ffff:198.51.100.1", b"198.51.100.1, 127.0.0.1"),
        # All trusted: the farthest is the caller.
        (b"10.9.9.9, 10.1.2.3", b"10.9.9.9, 10.1.2.3, 127.0.0.1"),
        # No address: the way ends at the last hop that is known.
        (b"203.0.113.7, unknown, 10.1.2.3", b"10.1.2.3, 127.0.0.1"),
        (b"203.0.113.7,", b"127.0.0.1"),
        (b"203.0.113.7, 1.2.3.4.5", b"127.0.0.1"),
        (b"203.0.113.7, fe80::1%eth0", b"127.0.0.1"),
        (b"203.0.113.7, \xff\xfe", b"127.0.0.1"),
        (b"203.0.113.7, 010.0.0.1", b"127.0.0.1"),
    ],
)
async def test_the_chain_of_addresses(said: bytes, upstream_told: bytes, tmp_path: Path) -> None:
    async with running(tmp_path, trusted_proxies=BALANCER) as gateway:
        answer, _ = await gateway.exchange(request(b"/books/ok", b"X-Forwarded-For: " + said + b"\r\n"))
        assert status(answer) == 200
        assert told(gateway)[0] == b"X-Forwarded-For: " + upstream_told


@pytest.mark.parametrize(
    "line",
    [b"X-Forwarded-Proto: gopher", b"X-Forwarded-Proto: ", b"X-Forwarded-Host: a b", b"X-Forwarded-Host: a/b?c"],
)
async def test_a_scheme_or_host_that_is_none_is_not_passed_on(line: bytes, tmp_path: Path) -> None:
    async with running(tmp_path, trusted_proxies=BALANCER) as gateway:
        await gateway.exchange(request(b"/books/ok", line + b"\r\n"))
        assert told(gateway)[1:] == [b"X-Forwarded-Proto: http", b"X-Forwarded-Host: gateway.test"]


async def test_failures_count_for_the_caller_and_not_for_the_balancer(tmp_path: Path) -> None:
    async with running(tmp_path, trusted_proxies=BALANCER) as gateway:

        def failing(caller: bytes) -> bytes:
            return request(b"/books/ok", b"X-Forwarded-For: " + caller + b"\r\n", credential=b"X-API-Key: wrong\r\n")

        answer, _ = await gateway.exchange(failing(b"198.51.100.66") * 250)
        assert b"/problems/too-many-failures" in answer
        answer, _ = await gateway.exchange(failing(b"198.51.100.67"))
        assert b"/problems/unknown-api-key" in answer
