"""Billing-sync as a process of its own, and both ends of its bus: for tests that kill it."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from nacl.public import PrivateKey, SealedBox
from nacl.utils import random as random_bytes
from tests.support.eventually import eventually

from shared.clock import real_now
from shared.events.billing import BillingEvent
from shared.events.envelope import Event, encode, event_type, headers_for, to_kafka_headers
from shared.events.subscriptions import SubscriptionState
from shared.events.topics import BILLING_EVENTS, METERING_USAGE, Topic
from shared.events.usage import UsageComplete, UsageWindow
from shared.ids import new_id

E = TypeVar("E", bound=Event)
_decoder: msgspec.json.Decoder[BillingEvent] = msgspec.json.Decoder(BillingEvent)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


@dataclass
class BillingProcess:
    """`python -m billing_sync.main` with an environment of its own. Its log is in `log_file`."""

    bootstrap: str
    prefix: str
    database_url: str
    port: int
    stripe_url: str
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    log_file: Path = field(default_factory=lambda: Path(tempfile.mkstemp(prefix="billing-", suffix=".log")[1]))
    sealing_key: PrivateKey = field(default_factory=PrivateKey.generate)
    encryption_key: bytes = field(default_factory=lambda: random_bytes(32))

    @property
    def url(self) -> str:
        """Where Stripe's webhooks arrive."""
        return f"http://127.0.0.1:{self.port}"

    def seal(self, secret: str) -> str:
        """As portal-api does with a provider's secret key."""
        return _base64(SealedBox(self.sealing_key.public_key).encrypt(secret.encode()))

    @property
    def environment(self) -> dict[str, str]:
        """What the process reads."""
        return {
            **os.environ,
            "TOLLWAY_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "TOLLWAY_KAFKA_TOPIC_PREFIX": self.prefix,
            "TOLLWAY_DATABASE_URL": self.database_url,
            "TOLLWAY_OPERATIONS_PORT": "0",
            "TOLLWAY_PORT": str(self.port),
            "TOLLWAY_PUBLIC_URL": self.url,
            "TOLLWAY_STRIPE_API_BASE": self.stripe_url,
            "TOLLWAY_SEALING_PRIVATE_KEY": _base64(bytes(self.sealing_key)),
            "TOLLWAY_ENCRYPTION_KEY": _base64(self.encryption_key),
            "TOLLWAY_PUSH_INTERVAL_SECONDS": "0.2",
            **self.settings,
        }

    def start(self) -> None:
        """Returns at once: what is sent meanwhile waits in Kafka."""
        with self.log_file.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "billing_sync.main"], env=self.environment, stdout=output, stderr=output
            )

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        if self.process is None:
            return 0
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        self.process = None
        return code


class BillingBus:
    """Writes what billing-sync reads, and reads what it writes."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._bootstrap = bootstrap
        self._prefix = prefix
        self.events: list[BillingEvent] = []

    async def __aenter__(self) -> BillingBus:
        self._producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, enable_idempotence=True)
        await self._producer.start()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        await self._consumer.start()
        self._consumer.assign(
            [TopicPartition(self._prefix + BILLING_EVENTS.name, p) for p in range(BILLING_EVENTS.partitions)]
        )
        await self._consumer.seek_to_beginning()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()
        await self._consumer.stop()

    async def send(self, topic: Topic, key: str, event: Event, *, partition: int | None = None) -> None:
        """One event, with the headers that the outbox gives it."""
        headers = headers_for(
            event_id=new_id("evt"), kind=event_type(event), source="test", time=real_now(), traceparent=None
        )
        await self._producer.send_and_wait(
            self._prefix + topic.name,
            encode(event),
            key=key.encode(),
            partition=partition,
            headers=to_kafka_headers(headers),
        )

    async def complete(self, until: datetime) -> None:
        """Metering says on every partition that all usage before `until` has been told."""
        for partition in range(METERING_USAGE.partitions):
            await self.send(METERING_USAGE, "", UsageComplete(complete_until=until), partition=partition)

    async def read(self) -> list[BillingEvent]:
        """Everything on billing.events so far."""
        for records in (await self._consumer.getmany(timeout_ms=50)).values():
            self.events += [_decoder.decode(record.value) for record in records if record.value is not None]
        return self.events

    async def find(self, kind: type[E], **fields: object) -> list[E]:
        """Events of a kind whose fields have these values, oldest first."""
        return [
            event
            for event in await self.read()
            if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items())
        ]

    async def wait_for(self, kind: type[E], *, timeout_seconds: float = 30.0, **fields: object) -> E:
        """The newest event of a kind with these values, as soon as there is one."""
        found: list[E] = await eventually(
            lambda: self.find(kind, **fields), timeout_seconds=timeout_seconds, message=f"no {kind.__name__} {fields}"
        )
        return found[-1]


def state(subscription_id: str, version: int, status: str, **changes: object) -> SubscriptionState:
    """A paid subscription as the subscriptions service publishes it."""
    fields: dict[str, Any] = {
        "version": version, "subscription_id": subscription_id, "number": 1, "organization_id": "org",
        "application_id": "app_1", "application_number": 1, "developer_id": "user_1", "api_id": "api_1",
        "api_number": 7, "plan_id": "plan_1", "plan_version_number": 1, "paid": True, "interval": "month",
        "status": status, "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "success_url": "http://portal.test/ok", "cancel_url": "http://portal.test/no",
    }  # fmt: skip
    return SubscriptionState(**(fields | changes))


def window(subscription_id: str, period_start: datetime, units: int, revision: int, **changes: object) -> UsageWindow:
    """The total of a window; another `operation_number` is another window."""
    fields: dict[str, Any] = {
        "subscription_id": subscription_id, "subscription_number": 1, "plan_version_number": 1,
        "period_start": period_start, "api_number": 7, "operation_number": 1, "window_start": period_start,
        "environment": "production", "billable": True, "status_class": 2, "calls": units, "units": units,
        "revision": revision,
    }  # fmt: skip
    return UsageWindow(**(fields | changes))


async def query(database_url: str, statement: str, *arguments: object) -> Sequence[asyncpg.Record]:
    """Read billing-sync's database."""
    connection = await asyncpg.connect(database_url)
    try:
        return await connection.fetch(statement, *arguments)
    finally:
        await connection.close()
