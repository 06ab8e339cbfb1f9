"""The gateway as a process on a real Kafka, and what it shipped there."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import httpx
import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from tests.service.gateway import builders
from tests.support.eventually import eventually

from shared.events.call_record import CALL, HEADER_BYTES, STREAM_CLOSED, unpack_header
from shared.events.envelope import State, encode
from shared.events.topics import (
    CATALOG_APIS,
    GATEWAY_RATE_COUNTS,
    GATEWAY_REFUSALS,
    GATEWAY_REQUESTS,
    IDENTITY_CREDENTIALS,
    IDENTITY_SIGNING_KEYS,
    SUBSCRIPTIONS_ACCESS,
    Topic,
)
from shared.messaging.topics_admin import create_topics


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# Without usage.totals: a gateway that is newer than its topics serves all the same.
GATEWAY_TOPICS = (
    CATALOG_APIS,
    IDENTITY_CREDENTIALS,
    IDENTITY_SIGNING_KEYS,
    SUBSCRIPTIONS_ACCESS,
    GATEWAY_REQUESTS,
    GATEWAY_REFUSALS,
    GATEWAY_RATE_COUNTS,
)


class Bus:
    """Publishes states as the other services do, and reads what the gateway shipped."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.bootstrap = bootstrap
        self.prefix = prefix

    async def create_topics(self) -> None:
        """Those of the gateway."""
        await create_topics(self.bootstrap, prefix=self.prefix, topics=GATEWAY_TOPICS)

    async def publish(self, states: Iterable[tuple[Topic, str, State]]) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        try:
            for topic, key, state in states:
                await producer.send_and_wait(self.prefix + topic.name, value=encode(state), key=key.encode())
        finally:
            await producer.stop()

    async def publish_everything(self, key: builders.SigningKey, upstream_url: str) -> None:
        await self.publish(
            [
                (CATALOG_APIS, "api_1", builders.api(upstream_url)),
                (IDENTITY_SIGNING_KEYS, key.kid, key.state()),
                (IDENTITY_CREDENTIALS, "client_1", builders.client()),
                (IDENTITY_CREDENTIALS, "key_production", builders.api_key()),
                (SUBSCRIPTIONS_ACCESS, "app_1/api_1", builders.access(builders.allowed())),
            ]
        )

    async def read(self, topic: Topic) -> list[bytes]:
        """All values there are now, partition by partition, in order."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False)
        await consumer.start()
        try:
            partitions = [TopicPartition(self.prefix + topic.name, number) for number in range(topic.partitions)]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            ends = await consumer.end_offsets(partitions)
            values: list[bytes] = []
            while any([await consumer.position(tp) < end for tp, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    values += [record.value for record in records]
            return values
        finally:
            await consumer.stop()

    async def calls(self) -> dict[tuple[bytes, int], tuple[object, ...]]:
        """Every call by (stream, sequence); a repeat must say the same. Checks that complete_until never lies."""
        found: dict[tuple[bytes, int], tuple[object, ...]] = {}
        until: dict[bytes, int] = {}
        for value in await self.read(GATEWAY_REQUESTS):
            header = unpack_header(value)
            for number, call in enumerate(CALL.iter_unpack(value[HEADER_BYTES:])):
                assert call[0] == header.first_sequence + number
                key = (header.stream_id, call[0])
                # A repeat after a kill may lie before what was claimed meanwhile: it is known, and the same.
                assert key in found or call[1] >= until.get(header.stream_id, 0)
                assert found.setdefault(key, call) == call
            assert header.complete_until_us >= until.get(header.stream_id, 0)
            until[header.stream_id] = header.complete_until_us
        return found

    async def closed_streams(self) -> set[bytes]:
        headers = [unpack_header(value) for value in await self.read(GATEWAY_REQUESTS)]
        return {header.stream_id for header in headers if header.complete_until_us == STREAM_CLOSED}


class GatewayProcess:
    """One run after the other over the same log directory."""

    def __init__(self, bus: Bus, directory: Path, *, port: int = 0, **settings: object) -> None:
        self.port = port or free_port()
        self.operations_port = free_port()
        self.directory = directory
        self._environment = os.environ | {
            "TOLLWAY_KAFKA_BOOTSTRAP_SERVERS": bus.bootstrap,
            "TOLLWAY_KAFKA_TOPIC_PREFIX": bus.prefix,
            "TOLLWAY_PORT": str(self.port),
            "TOLLWAY_OPERATIONS_PORT": str(self.operations_port),
            "TOLLWAY_ALLOWED_PRIVATE_ADDRESSES": "127.0.0.0/8",
            "TOLLWAY_WAL_DIRECTORY": str(directory),
            "TOLLWAY_ISSUER": builders.ISSUER,
            "TOLLWAY_PORTAL_URL": "http://portal.test",
            **{f"TOLLWAY_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/acme/reading/v1"

    def _spawn(self) -> subprocess.Popen[bytes]:
        with (self.directory / "gateway.log").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "gateway.main"], env=self._environment, stdout=output, stderr=output
            )

    async def start(self) -> None:
        self._process = self._spawn()
        async with httpx.AsyncClient() as client:

            async def is_ready() -> bool:
                assert self._process is not None and self._process.poll() is None, "the gateway ended"
                try:
                    return (await client.get(f"http://127.0.0.1:{self.operations_port}/readyz")).status_code == 200
                except httpx.TransportError:
                    return False

            await eventually(is_ready, timeout_seconds=150, message="the gateway is not ready")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def workers(self) -> list[int]:
        """Processes of the supervisor's workers, oldest first."""
        return sorted(child.pid for child in psutil.Process(self.pid).children())

    async def metrics(self) -> str:
        async with httpx.AsyncClient() as client:
            return (await client.get(f"http://127.0.0.1:{self.operations_port}/metrics")).text

    def end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(number)
        return process.wait(timeout=30)

    async def stop(self) -> int:
        return await asyncio.to_thread(self.end, signal.SIGTERM)

    async def kill(self) -> None:
        await asyncio.to_thread(self.end, signal.SIGKILL)
