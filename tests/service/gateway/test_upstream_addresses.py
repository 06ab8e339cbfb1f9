"""A name may lead anywhere by the time it is called: only public addresses, and what the operator allows."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.service.gateway import builders
from tests.service.gateway.harness import request, running, status

from gateway import metrics
from gateway.adapters.address_guard import AddressGuard, AddressRefused
from gateway.adapters.upstream_probe import is_healthy
from gateway.domain.upstream import Upstream
from shared.addresses import parse_allowed


def names(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """The resolver says this of every name."""

    async def resolve(host: str, port: int, **_: Any) -> list[Any]:
        return [(2, 1, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve, raising=False)


async def test_a_name_that_leads_inside_is_refused_when_it_is_called(tmp_path: Path) -> None:
    async with running(tmp_path, allowed_addresses="") as gateway:
        before = metrics.ADDRESSES_REFUSED._value.get()
        for version, host in enumerate(("127.0.0.1", "localhost", "127.1"), start=2):
            gateway.put_api(builders.api(f"http://{host}:{gateway.upstream.port}/base", version=version))
            answer, _ = await gateway.exchange(request(b"/books/ok"))
            assert (status(answer), b"/problems/upstream-unreachable" in answer) == (502, True)
        assert gateway.upstream.received == []
        assert metrics.ADDRESSES_REFUSED._value.get() == before + 3


async def test_the_operator_allows_by_name_and_port_or_by_network(tmp_path: Path) -> None:
    for place, allowed in enumerate(("localhost:{port}", "127.0.0.0/8,::1/128")):
        async with running(tmp_path / str(place)) as gateway:
            gateway.guard._allowed = parse_allowed(allowed.format(port=gateway.upstream.port))
            gateway.put_api(builders.api(f"http://localhost:{gateway.upstream.port}/base", version=2))
            answer, _ = await gateway.exchange(request(b"/books/ok"))
            assert status(answer) == 200


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "10.0.0.1", "192.168.1.1", "172.16.0.1", "100.100.100.200", "0.0.0.0", "::1", "fe80::1%eth0",
     "fd00:ec2::254", "::ffff:127.0.0.1", "64:ff9b::a9fe:a9fe", "224.0.0.1"],
)  # fmt: skip
def test_one_inner_address_among_public_ones_is_enough(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused() -> None:
        names(monkeypatch, "93.184.216.34", address)
        with pytest.raises(AddressRefused):
            await AddressGuard(parse_allowed("")).resolve("upstream.example", 80)

    asyncio.run(refused())


def test_public_addresses_are_tried_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolved() -> list[str]:
        names(monkeypatch, "93.184.216.34", "2606:2800:220:1::1", "93.184.216.34")
        return await AddressGuard(parse_allowed("")).resolve("upstream.example", 80)

    assert asyncio.run(resolved()) == ["93.184.216.34", "2606:2800:220:1::1"]


async def test_health_checks_go_nowhere_else(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        target = Upstream(False, "127.0.0.1", gateway.upstream.port, b"/base", b"127.0.0.1", 5)
        assert await is_healthy(target, "/books/ok", None, gateway.guard)
        assert not await is_healthy(target, "/books/ok", None, AddressGuard(parse_allowed("")))
