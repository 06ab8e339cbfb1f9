"""The migrations make what the SQLModel classes say."""

import asyncio

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from tests.support.metering_process import DatabaseFactory

from metering.adapters import tables
from metering.main import MIGRATIONS
from shared.db import migrate
from shared.db.engine import create_engine

OURS = {
    value.__tablename__
    for value in vars(tables).values()
    if isinstance(value, type) and value is not tables.Row and issubclass(value, tables.Row)
}


async def test_migrations_and_classes_agree(database: DatabaseFactory) -> None:
    url = database("metering_tables")
    await asyncio.to_thread(migrate.upgrade, url, MIGRATIONS)
    engine = create_engine(url, application_name="test")

    def differences(connection: Connection) -> list[object]:
        options = {
            "include_name": lambda name, kind, parents: kind != "table" or name in OURS,
            "include_object": lambda thing, name, kind, reflected, other: kind in ("table", "column") and (
                kind != "table" or name in OURS
            ),
            "compare_type": False,
        }  # fmt: skip
        return compare_metadata(MigrationContext.configure(connection, opts=options), tables.Row.metadata)

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()
    assert len(OURS) == 7
