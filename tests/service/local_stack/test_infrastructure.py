"""Kafka and PostgreSQL as the local stack runs them: killed, back by themselves, data kept, nothing left at the end."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import asyncpg
import psutil
import pytest
from tests.support.eventually import eventually

from local_stack.errors import PortTaken
from local_stack.ports import Ports
from local_stack.stack import KAFKA, POSTGRESQL, Stack


def _has_successor(stack: Stack, name: str, former: int | None) -> bool:
    return stack.pid(name) not in (None, former)


async def _numbers(url: str, statement: str) -> list[int]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return [row[0] for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def test_both_come_back_after_kill_9_and_keep_their_data(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "state", Ports.free(), processes=())
    await asyncio.to_thread(stack.start)
    try:
        await _numbers(stack.postgres_url, "CREATE TABLE t AS SELECT 41 + 1 AS n")
        for name in (POSTGRESQL, KAFKA):
            first = stack.pid(name)
            await asyncio.to_thread(stack.kill, name)
            await eventually(
                partial(_has_successor, stack, name, first), timeout_seconds=20, message=f"{name} was restarted"
            )
            await asyncio.to_thread(stack.wait_ready, name)
        assert await _numbers(stack.postgres_url, "SELECT n FROM t") == [42]
        states = {record.name: (record.state, record.restarts) for record in stack.status()}
        # PostgreSQL may need a second attempt, while the killed server's children still hold its shared memory.
        assert {name: state for name, (state, _) in states.items()} == {POSTGRESQL: "ready", KAFKA: "ready"}
        assert all(restarts >= 1 for _, restarts in states.values())
        pids = [record.pid for record in stack.status() if record.pid]
    finally:
        await asyncio.to_thread(stack.stop)
    assert len(pids) == 2
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


async def test_a_second_stack_on_the_same_ports_is_told_who_holds_them(tmp_path: Path) -> None:
    ports = Ports.free()
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", ports.postgres)
    async with server:
        with pytest.raises(PortTaken, match=rf"Port {ports.postgres} \(postgresql\) is taken by .*TOLLWAY_PORT_OFFSET"):
            await asyncio.to_thread(Stack(tmp_path / "state", ports, processes=()).start)
