"""Connections that PostgreSQL closed while they rested are replaced before a transaction begins on them."""

import asyncio
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.support.containers import DatabaseFactory
from tests.support.eventually import eventually

from shared.db.engine import create_engine, session_factory

CONNECTIONS = 3


async def _backend(engine: AsyncEngine, all_open: asyncio.Barrier) -> tuple[int, Any]:
    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        await all_open.wait()
        return (await connection.execute(text("select pg_backend_pid()"))).scalar_one(), raw.driver_connection


async def test_transactions_after_a_restart_do_not_fail(database: DatabaseFactory) -> None:
    url = database("shared")
    engine, operator = (create_engine(url, application_name=name) for name in ("restart-test", "operator"))
    all_open = asyncio.Barrier(CONNECTIONS)
    resting = await asyncio.gather(*(_backend(engine, all_open) for _ in range(CONNECTIONS)))

    async with operator.connect() as connection:
        for pid, _ in resting:
            await connection.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})
    await eventually(lambda: all(driver.is_closed() for _, driver in resting))

    for _ in range(CONNECTIONS):
        async with session_factory(engine)() as session, session.begin():
            pid = await session.scalar(text("select pg_backend_pid()"))
        assert pid not in {pid for pid, _ in resting}
    await engine.dispose()
    await operator.dispose()
