"""What each service's migrations/env.py runs: migrations in one transaction under an advisory lock.

env.py is two lines: `from shared.db.alembic_env import run` and `run()`.
"""

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.db.engine import async_url
from shared.db.migrate import ADVISORY_LOCK


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, transaction_per_migration=False)
    with context.begin_transaction():
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
        context.run_migrations()


async def _run(database_url: str) -> None:
    engine = create_async_engine(async_url(database_url), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_migrate)
        await connection.commit()
    await engine.dispose()


def run() -> None:
    """Entry point of a service's migrations/env.py. Called outside a running event loop."""
    database_url = context.config.attributes.get("database_url")
    if not isinstance(database_url, str):
        raise RuntimeError("use shared.db.migrate.upgrade, which names the database")
    asyncio.run(_run(database_url))
