"""Metering as a process of its own, and both ends of its bus: for tests that kill it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from tests.support.eventually import eventually

from shared.clock import from_us
from shared.events.envelope import decode, encode
from shared.events.subscriptions import SubscriptionState
from shared.events.topics import GATEWAY_REQUESTS, METERING_USAGE, SUBSCRIPTIONS_STATE
from shared.events.usage import UsageComplete, UsageEvent, UsageWindow

WindowIdentity = tuple[object, ...]


def identity(window: UsageWindow) -> WindowIdentity:
    """Every field but the total and its revision."""
    return (
        window.subscription_id, window.plan_version_number, window.period_start, window.api_number,
        window.operation_number, window.window_start, window.environment, window.billable, window.status_class,
    )  # fmt: skip


@dataclass
class MeteringProcess:
    """`python -m metering.main` with an environment of its own. Its log is in `log_file`."""

    bootstrap: str
    prefix: str
    database_url: str
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    log_file: Path = field(default_factory=lambda: Path(tempfile.mkstemp(prefix="metering-", suffix=".log")[1]))

    @property
    def environment(self) -> dict[str, str]:
        """What the process reads."""
        return {
            **os.environ,
            "TOLLWAY_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "TOLLWAY_KAFKA_TOPIC_PREFIX": self.prefix,
            "TOLLWAY_DATABASE_URL": self.database_url,
            "TOLLWAY_OPERATIONS_PORT": "0",
            **self.settings,
        }

    def start(self) -> None:
        """Returns at once: what is sent meanwhile waits in Kafka."""
        with self.log_file.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "metering.main"], env=self.environment, stdout=output, stderr=output
            )

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        if self.process is None:
            return 0
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        self.process = None
        return code

    def republish(self) -> None:
        """`python -m metering.republish`."""
        subprocess.run([sys.executable, "-m", "metering.republish"], env=self.environment, check=True, timeout=60)


class Bus:
    """Writes what metering reads, and reads what it writes."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._bootstrap = bootstrap
        self._prefix = prefix
        self.events: list[tuple[int, UsageWindow | UsageComplete]] = []

    async def __aenter__(self) -> Bus:
        self._producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, enable_idempotence=True)
        await self._producer.start()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        await self._consumer.start()
        self._consumer.assign(
            [TopicPartition(self._prefix + METERING_USAGE.name, p) for p in range(METERING_USAGE.partitions)]
        )
        await self._consumer.seek_to_beginning()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()
        await self._consumer.stop()

    async def calls(self, *values: bytes, partition: int = 0) -> None:
        """Records of gateway.requests."""
        for value in values:
            await self._producer.send(self._prefix + GATEWAY_REQUESTS.name, value, partition=partition)
        await self._producer.flush()

    async def state(self, state: SubscriptionState) -> None:
        """A record of subscriptions.state."""
        topic = self._prefix + SUBSCRIPTIONS_STATE.name
        await self._producer.send_and_wait(topic, encode(state), key=state.subscription_id.encode())

    async def read(self) -> list[tuple[int, UsageWindow | UsageComplete]]:
        """Everything on metering.usage so far."""
        for partition, records in (await self._consumer.getmany(timeout_ms=100)).items():
            self.events += [(partition.partition, decode(record.value, UsageEvent)) for record in records]  # type: ignore[type-var]
        return self.events

    async def windows(self, subscription_id: str) -> dict[WindowIdentity, UsageWindow]:
        """The newest revision of each window of a subscription."""
        newest: dict[WindowIdentity, UsageWindow] = {}
        for _, event in await self.read():
            if isinstance(event, UsageWindow) and event.subscription_id == subscription_id:
                known = newest.get(identity(event))
                if known is None or known.revision <= event.revision:
                    newest[identity(event)] = event
        return newest

    async def total(self, subscription_id: str, expected: int) -> None:
        """Wait until a subscription's windows sum up to `expected` calls, and see that they stay there."""

        async def reached() -> bool:
            return sum(window.calls for window in (await self.windows(subscription_id)).values()) >= expected

        await eventually(reached, timeout_seconds=60)
        assert sum(window.calls for window in (await self.windows(subscription_id)).values()) == expected

    async def complete_until(self) -> datetime:
        """What has been said on every partition."""
        newest: dict[int, datetime] = {}
        for partition, event in await self.read():
            if isinstance(event, UsageComplete):
                assert event.complete_until >= newest.get(partition, event.complete_until), "never decreasing"
                newest[partition] = event.complete_until
        return min(newest.get(partition, from_us(0)) for partition in range(METERING_USAGE.partitions))


def subscription(number: int, period_start: datetime, **changes: object) -> SubscriptionState:
    """A live subscription in its first period."""
    fields: dict[str, object] = {
        "version": 1, "subscription_id": f"sub_{number}", "number": number, "organization_id": "org_1",
        "application_id": "app_1", "application_number": 1, "developer_id": "user_1", "api_id": "api_1",
        "api_number": 7, "plan_id": "plan_1", "plan_version_number": 1, "paid": True, "interval": "month",
        "status": "active", "created_at": period_start, "current_period_start": period_start,
    }  # fmt: skip
    return SubscriptionState(**(fields | changes))


async def query(database_url: str, statement: str, *arguments: object) -> list[asyncpg.Record]:
    """Read metering's database."""
    connection = await asyncpg.connect(database_url)
    try:
        return await connection.fetch(statement, *arguments)
    finally:
        await connection.close()


DatabaseFactory = Callable[[str], str]
