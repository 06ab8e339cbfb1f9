"""Several targets of one deployment: shares, failures, retries, health, timeouts and bounds."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.service.gateway import builders
from tests.service.gateway.harness import Harness, request, running, status
from tests.service.gateway.scripted_upstream import ScriptedUpstream
from tests.support.eventually import eventually

from shared.events.catalog import UpstreamSettings, UpstreamTarget

DEAD = "http://127.0.0.1:9"  # the discard port: refused at once


def deploy(gateway: Harness, *targets: UpstreamTarget, version: int = 2, **settings: object) -> None:
    state = builders.api(f"http://127.0.0.1:{gateway.upstream.port}/base", version=version)
    assert state.production is not None
    upstream = UpstreamSettings(targets=targets, **settings)  # type: ignore[arg-type]
    gateway.put_api(replace(state, production=replace(state.production, upstream=upstream)))


def target(upstream: ScriptedUpstream, path: str, weight: int = 1) -> UpstreamTarget:
    return UpstreamTarget(url=f"http://127.0.0.1:{upstream.port}{path}", weight=weight)


async def test_calls_are_shared_by_weight_each_with_its_targets_path_and_host(tmp_path: Path) -> None:
    other = ScriptedUpstream()
    await other.start()
    async with running(tmp_path) as gateway:
        deploy(gateway, target(gateway.upstream, "/one", 3), target(other, "/two", 1))
        for _ in range(8):
            answer, _ = await gateway.exchange(request(b"/books/ok"), quiet=0.05)
            assert status(answer) == 200
        assert (len(gateway.upstream.received), len(other.received)) == (6, 2)
        head, _ = other.received[0]
        assert head.startswith(b"GET /two/books/ok HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % other.port)
    await other.stop()


async def test_a_call_that_reached_nobody_is_tried_elsewhere_with_its_body(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        deploy(gateway, UpstreamTarget(url=f"{DEAD}/x"), target(gateway.upstream, "/y"), retries=1)
        post = request(b"/books/ok", b"Content-Length: 5\r\n", method=b"POST", body=b"hello")
        for _ in range(4):
            answer, _ = await gateway.exchange(post, quiet=0.05)
            assert status(answer) == 200
        heads = {head.partition(b"\r\n")[0] for head, body in gateway.upstream.received}
        assert heads == {b"POST /y/books/ok HTTP/1.1"}
        assert [body for _, body in gateway.upstream.received] == [b"hello"] * 4
        assert [record[12] for record in gateway.records()] == [200] * 4


async def test_without_retries_a_dead_target_is_a_502_until_it_is_ejected(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        dead = UpstreamTarget(url=DEAD)
        deploy(gateway, dead, target(gateway.upstream, ""), eject_after_failures=2, eject_seconds=60)
        seen = [status((await gateway.exchange(request(b"/books/ok"), quiet=0.05))[0]) for _ in range(10)]
        assert seen.count(502) == 2
        assert seen[-4:] == [200] * 4
        # An unrelated change of the API forgets nothing.
        deploy(gateway, dead, target(gateway.upstream, ""), version=3, eject_after_failures=2, eject_seconds=60)
        for _ in range(4):
            assert status((await gateway.exchange(request(b"/books/ok"), quiet=0.05))[0]) == 200


async def test_an_open_circuit_fails_at_once_and_a_probe_closes_it(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        port = gateway.upstream.port
        deploy(gateway, eject_after_failures=1, eject_seconds=600, health_path="/books/ok", health_interval_seconds=1)
        await gateway.upstream.stop()
        assert status((await gateway.exchange(request(b"/books/ok")))[0]) == 502
        assert status((await gateway.exchange(request(b"/books/ok")))[0]) == 502
        await gateway.upstream.start(port)
        assert status((await gateway.exchange(request(b"/books/ok")))[0]) == 502  # still open

        async def answers() -> bool:
            gateway.pool.probe(gateway.tables.upstream_groups())
            return status((await gateway.exchange(request(b"/books/ok"), quiet=0.05))[0]) == 200

        await eventually(answers, timeout_seconds=20)


@pytest.mark.parametrize("setting", ["first_byte_timeout_ms", "total_timeout_ms"])
async def test_a_silent_upstream_costs_no_more_than_its_timeout(tmp_path: Path, setting: str) -> None:
    silent = await asyncio.start_server(lambda reader, writer: reader.read(), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    async with running(tmp_path) as gateway:
        deploy(gateway, UpstreamTarget(url=url), **{setting: 200})

        async def sweep() -> None:
            while True:
                await asyncio.sleep(0.05)
                gateway.pool.sweep()

        sweeping = asyncio.get_running_loop().create_task(sweep())
        answer, _ = await gateway.exchange(request(b"/books/ok"))
        sweeping.cancel()
        assert status(answer) == 504
    silent.close()


async def test_no_more_calls_than_the_upstream_may_get(tmp_path: Path) -> None:
    silent = await asyncio.start_server(lambda reader, writer: reader.read(), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    async with running(tmp_path) as gateway:
        deploy(gateway, UpstreamTarget(url=url), max_connections=1)
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(request(b"/books/ok"))
        await eventually(lambda: gateway.pool.busy_count == 1)
        answer, _ = await gateway.exchange(request(b"/books/ok"))
        assert status(answer) == 503
        assert b"/problems/upstream-busy" in answer
        writer.close()
    silent.close()
