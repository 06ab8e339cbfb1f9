"""Metering running, one per test file, with its bus and database."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.support.metering_process import Bus, DatabaseFactory, MeteringProcess


@pytest.fixture(scope="module")
def metering(kafka_bootstrap: str, topic_prefix: str, database: DatabaseFactory) -> Iterator[MeteringProcess]:
    """The process, started."""
    process = MeteringProcess(kafka_bootstrap, topic_prefix, database("metering"))
    process.start()
    yield process
    process.end()
    process.log_file.unlink()


@pytest.fixture
async def bus(kafka_bootstrap: str, topic_prefix: str) -> AsyncIterator[Bus]:
    """The topics around it."""
    async with Bus(kafka_bootstrap, topic_prefix) as bus:
        yield bus
