"""One Kafka and one PostgreSQL per test run, one database and one set of topics per test file.

Where they come from, in this order: TOLLWAY_TEST_KAFKA and TOLLWAY_TEST_POSTGRES; testcontainers, where a Docker engine
answers and has the images or can pull them; else natively, by deploy/local on free ports without fsync.
TOLLWAY_TEST_CONTAINERS=never|always|auto forbids or demands the second way. The report says which way was taken.

conftest.py needs: `from tests.support.containers import database, kafka_bootstrap, postgres_url, topic_prefix` and
the three hooks.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from tests.support import docker_engine

from local_stack.ports import Ports
from local_stack.stack import Stack

# Filled by the fixtures, printed at the end of the run.
origins: dict[str, str] = {}


class Infrastructure:
    """Starts each of the two on first use, and both natively in one private stack when it comes to that."""

    def __init__(self, closing: ExitStack) -> None:
        self._closing = closing
        self._native: Stack | None = None
        self._wish = os.environ.get("TOLLWAY_TEST_CONTAINERS", "auto")

    def kafka(self) -> str:
        """The bootstrap address."""
        if named := os.environ.get("TOLLWAY_TEST_KAFKA"):
            origins["Kafka"] = f"named by TOLLWAY_TEST_KAFKA, {named}"
            return named
        address, refusal = self._container(docker_engine.KAFKA_IMAGE, docker_engine.kafka)
        if address:
            origins["Kafka"] = f"testcontainers, {docker_engine.KAFKA_IMAGE}"
            return address
        stack = self._native_stack()
        origins["Kafka"] = f"native 4.3.1, {stack.kafka_bootstrap} (no container: {refusal})"
        return stack.kafka_bootstrap

    def postgres(self) -> str:
        """The URL of a superuser on the maintenance database."""
        if named := os.environ.get("TOLLWAY_TEST_POSTGRES"):
            origins["PostgreSQL"] = "named by TOLLWAY_TEST_POSTGRES"
            return named
        address, refusal = self._container(docker_engine.POSTGRES_IMAGE, docker_engine.postgres)
        if address:
            origins["PostgreSQL"] = f"testcontainers, {docker_engine.POSTGRES_IMAGE}"
            return address
        stack = self._native_stack()
        origins["PostgreSQL"] = f"native, 127.0.0.1:{stack.ports.postgres} (no container: {refusal})"
        return stack.postgres_url

    def _container(self, image: str, start: Callable[[], AbstractContextManager[str]]) -> tuple[str | None, str | None]:
        """Its address, or the reason why there is none."""
        if (refusal := docker_engine.why_not(image, self._wish)) is not None:
            return None, refusal
        try:
            return self._closing.enter_context(start()), None
        except docker_engine.ContainerFailed as failure:
            if self._wish == "always":
                raise
            return None, str(failure)

    def _native_stack(self) -> Stack:
        if self._native is None:
            folder = self._closing.enter_context(
                tempfile.TemporaryDirectory(prefix="tollway-tests-", ignore_cleanup_errors=True)
            )
            self._native = Stack(Path(folder), Ports.free(), processes=(), durable=False, supervise=False)
            self._closing.enter_context(self._native)
        return self._native


@pytest.fixture(scope="session")
def infrastructure() -> Iterator[Infrastructure]:
    """What `kafka_bootstrap` and `postgres_url` share; ends what it started."""
    with ExitStack() as closing:
        yield Infrastructure(closing)


@pytest.fixture(scope="session")
def kafka_bootstrap(infrastructure: Infrastructure) -> str:
    """`host:port` of a real Kafka."""
    return infrastructure.kafka()


@pytest.fixture(scope="session")
def postgres_url(infrastructure: Infrastructure) -> str:
    """A superuser's URL on a real PostgreSQL."""
    return infrastructure.postgres()


DatabaseFactory = Callable[[str], str]


@pytest.fixture(scope="module")
def database(postgres_url: str) -> Iterator[DatabaseFactory]:
    """`database("metering")` creates an empty database of this test file and returns its URL; dropped at the end."""
    created: list[str] = []

    def create(purpose: str = "test") -> str:
        name = f"{purpose.replace('-', '_')}_{secrets.token_hex(5)}"
        _in_own_loop(lambda: _execute(postgres_url, f'CREATE DATABASE "{name}"'))
        created.append(name)
        return urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))

    yield create
    for name in created:
        _in_own_loop(partial(_execute, postgres_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


@pytest.fixture(scope="module")
def topic_prefix(kafka_bootstrap: str) -> Iterator[str]:
    """All of our topics, with a prefix of this test file's own; deleted at the end."""
    from shared.messaging.topics_admin import create_topics

    prefix = f"t{secrets.token_hex(4)}."
    _in_own_loop(lambda: create_topics(kafka_bootstrap, prefix=prefix))
    yield prefix
    _in_own_loop(lambda: _delete_topics(kafka_bootstrap, prefix))


async def _execute(server_url: str, statement: str) -> None:
    connection = await asyncpg.connect(server_url, timeout=15)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _delete_topics(bootstrap_servers: str, prefix: str) -> None:
    from aiokafka.admin import AIOKafkaAdminClient

    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        ours = [topic for topic in await admin.list_topics() if topic.startswith(prefix)]
        if ours:
            await admin.delete_topics(ours)
    finally:
        await admin.close()


def _in_own_loop(work: Callable[[], Awaitable[None]]) -> None:
    """In a thread: module fixtures are also set up while pytest-asyncio's loop runs."""
    from concurrent.futures import ThreadPoolExecutor

    async def run() -> None:
        await work()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, run()).result()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of pytest-xdist tells the one that reports."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["origins"] = dict(origins)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What it told."""
    origins.update(getattr(node, "workeroutput", {}).get("origins", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where Kafka and PostgreSQL came from."""
    for name, origin in origins.items():
        terminalreporter.write_line(f"{name}: {origin}")
    origins.clear()
