"""A look-up needs no transaction, and leaves none behind on the connection that the next one gets."""

import pytest
from sqlalchemy import text
from tests.support.containers import DatabaseFactory

from shared.clock import SystemClock
from shared.db.engine import create_engine, session_factory
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.outbox import Outbox


async def test_each_statement_is_a_transaction_and_the_next_unit_of_work_is_whole(database: DatabaseFactory) -> None:
    engine = create_engine(database("shared"), application_name="test", pool_size=1)
    work = UnitOfWork(session_factory(engine), Outbox(source="test", topic_prefix="", clock=SystemClock()))
    seen = text("select count(*) from notes")
    async with work.transaction() as session:
        await session.execute(text("create table notes(note text)"))

    async with work.statements() as session:
        await session.execute(text("insert into notes values ('kept at once')"))
        async with engine.connect() as other:
            assert (await other.execute(seen)).scalar_one() == 1

    with pytest.raises(ZeroDivisionError):
        async with work.transaction() as session:
            await session.execute(text("insert into notes values ('never')"))
            raise ZeroDivisionError
    async with work.statements() as session:
        assert (await session.execute(seen)).scalar_one() == 1
    await engine.dispose()
