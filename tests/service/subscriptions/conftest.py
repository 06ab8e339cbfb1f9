"""The service as a process, on real Kafka and PostgreSQL, and a reader of what it publishes."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from tests.support.eventually import eventually
from tests.support.subscription_builders import NOON

from shared.events.envelope import Event, decode, event_type, headers_for, to_kafka_headers
from shared.events.subscriptions import AccessEntryState, SubscriptionState
from shared.events.topics import SUBSCRIPTIONS_ACCESS, SUBSCRIPTIONS_STATE, Topic
from shared.ids import new_id


class Process:
    """`python -m subscriptions.main`."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "subscriptions.main"], env=self._environment, stdout=log, stderr=log
            )

    def log_text(self) -> str:
        return self._log.read_text()

    def stop(self, number: int = signal.SIGTERM) -> int | None:
        if self._process is None:
            return None
        self._process.send_signal(number)
        code = self._process.wait(20)
        self._process = None
        return code


@dataclass
class Bus:
    """Writes what other services would write, reads what this one publishes."""

    producer: AIOKafkaProducer
    prefix: str
    states: dict[str, list[SubscriptionState]] = field(default_factory=dict)
    entries: dict[str, list[AccessEntryState]] = field(default_factory=dict)
    read_at: dict[tuple[str, int], float] = field(default_factory=dict)

    async def write(self, topic: Topic, key: str, event: Event, *, event_id: str | None = None) -> None:
        from shared.events.envelope import encode

        headers = headers_for(
            event_id=event_id or new_id("evt"), kind=event_type(event), source="test", time=NOON, traceparent=None
        )
        await self.producer.send_and_wait(
            self.prefix + topic.name, encode(event), key=key.encode(), headers=to_kafka_headers(headers)
        )

    async def read(self, consumer: AIOKafkaConsumer) -> None:
        async for record in consumer:
            key = record.key.decode()
            if record.topic.endswith(SUBSCRIPTIONS_STATE.name):
                self.states.setdefault(key, []).append(decode(record.value, SubscriptionState))
            else:
                entry = decode(record.value, AccessEntryState)
                self.entries.setdefault(key, []).append(entry)
                self.read_at[key, entry.version] = time.monotonic()

    async def status(self, subscription_id: str, status: str, timeout_seconds: float = 30) -> SubscriptionState:
        """Wait until the subscription's newest state has this status."""

        def newest() -> SubscriptionState | None:
            states = self.states.get(subscription_id, [])
            return states[-1] if states and states[-1].status == status else None

        return await eventually(newest, timeout_seconds=timeout_seconds, message=f"{subscription_id} became {status}")

    async def access(
        self, key: str, holds: Callable[[AccessEntryState], bool], timeout_seconds: float = 30
    ) -> AccessEntryState:
        """Wait until the newest access entry of the pair is as wanted."""

        def newest() -> AccessEntryState | None:
            entries = self.entries.get(key, [])
            return entries[-1] if entries and holds(entries[-1]) else None

        return await eventually(newest, timeout_seconds=timeout_seconds, message=f"access of {key}")


@pytest.fixture(scope="module")
def database_url(database: Callable[[str], str]) -> str:
    return database("subscriptions")


@pytest.fixture(scope="module")
def process(
    kafka_bootstrap: str, topic_prefix: str, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    """One for the file: a test that kills it starts it again."""
    environment = {
        **os.environ,
        "TOLLWAY_KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
        "TOLLWAY_KAFKA_TOPIC_PREFIX": topic_prefix,
        "TOLLWAY_DATABASE_URL": database_url,
        "TOLLWAY_OPERATIONS_PORT": "0",
        "TOLLWAY_TICK_MS": "50",
        "TOLLWAY_SANDBOX": "true",
        "TOLLWAY_PARKED_SECONDS": "5",
    }
    service = Process(environment, tmp_path_factory.mktemp("subscriptions") / "service.log")
    service.start()
    yield service
    assert service.stop() == 0, service.log_text()


@pytest.fixture
async def bus(kafka_bootstrap: str, topic_prefix: str) -> AsyncIterator[Bus]:
    producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap)
    consumer = AIOKafkaConsumer(
        topic_prefix + SUBSCRIPTIONS_STATE.name,
        topic_prefix + SUBSCRIPTIONS_ACCESS.name,
        bootstrap_servers=kafka_bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        fetch_max_wait_ms=20,
    )
    await producer.start()
    await consumer.start()
    bus = Bus(producer, topic_prefix)
    reading = asyncio.get_running_loop().create_task(bus.read(consumer))
    yield bus
    reading.cancel()
    await consumer.stop()
    await producer.stop()
