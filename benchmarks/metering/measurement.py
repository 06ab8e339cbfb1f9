"""One measurement: a consumer, the records it gets, and the CPU time that it and PostgreSQL take for them."""

import asyncio
import os
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from benchmarks.metering.calls import MINUTES, STREAMS, Traffic, binary_records, json_events

from local_stack.stack import Stack
from shared.clock import from_us
from shared.events.envelope import encode
from shared.events.subscriptions import SubscriptionState
from shared.events.topics import GATEWAY_REQUESTS, SUBSCRIPTIONS_STATE
from shared.messaging.topics_admin import create_topics

WITHIN_SECONDS = 600
LOOK_EVERY_SECONDS = 0.1
# Its first database connections and plans are not what is measured.
WARM_UP_CALLS = 1000


@dataclass(frozen=True, slots=True)
class Run:
    """CPU seconds of the consumer's process and of PostgreSQL's; wall seconds from the first record sent."""

    name: str
    round: int
    calls: int
    repeated: int
    consumer_cpu_seconds: float
    postgres_cpu_seconds: float
    wall_seconds: float
    windows: int

    @property
    def calls_per_cpu_second(self) -> float:
        """Of the consumer's process alone."""
        return self.calls / self.consumer_cpu_seconds

    @property
    def calls_per_cpu_second_with_postgres(self) -> float:
        """PostgreSQL's work for it included."""
        return self.calls / (self.consumer_cpu_seconds + self.postgres_cpu_seconds)


@dataclass(frozen=True, slots=True)
class Load:
    """What is measured, the same for all."""

    subscriptions: int
    per_record: int
    repeat_every: int


def _cpu(processes: Sequence[psutil.Process]) -> float:
    seconds = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds += times.user + times.system
    return seconds


class Bench:
    """A private Kafka and PostgreSQL, durable as in production."""

    def __init__(self, stack: Stack, load: Load) -> None:
        self._stack, self._load = stack, load

    def _postgres(self) -> list[psutil.Process]:
        (pid_file,) = self._stack.folder.root.rglob("postmaster.pid")
        server = psutil.Process(int(pid_file.read_text().split()[0]))
        return [server, *server.children()]

    async def _database(self) -> str:
        name = f"bench_{secrets.token_hex(4)}"
        server = await asyncpg.connect(self._stack.postgres_url)
        try:
            await server.execute(f'create database "{name}"')
        finally:
            await server.close()
        return urlunsplit(urlsplit(self._stack.postgres_url)._replace(path=f"/{name}"))

    @asynccontextmanager
    async def _producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._stack.kafka_bootstrap, enable_idempotence=True, max_batch_size=1 << 20,
            max_request_size=1 << 21, linger_ms=5,
        )  # fmt: skip
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    def _start(self, module: str, *arguments: str, **environment: str) -> tuple[subprocess.Popen[bytes], Path]:
        log = self._stack.folder.root / f"{secrets.token_hex(4)}.log"
        with log.open("wb") as output:
            command = [sys.executable, "-m", module, *arguments]
            process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=output, stderr=output)
        return process, log

    async def metering(self, number: int, calls: int) -> Run:
        """The product's process with all it does: windows published to Kafka, positions, offsets, waiting calls."""
        prefix, servers, database = f"b{secrets.token_hex(3)}.", self._stack.kafka_bootstrap, await self._database()
        await create_topics(servers, prefix=prefix)
        process, log = self._start(
            "metering.main",
            TOLLWAY_KAFKA_BOOTSTRAP_SERVERS=servers,
            TOLLWAY_KAFKA_TOPIC_PREFIX=prefix,
            TOLLWAY_DATABASE_URL=database,
            TOLLWAY_OPERATIONS_PORT="0",
        )
        traffic = Traffic(calls, self._load.subscriptions, time.time_ns() // 1000, seed=number)
        values = list(binary_records(traffic.columns(), self._load.per_record, self._load.repeat_every))
        warm_up = Traffic(WARM_UP_CALLS, self._load.subscriptions, traffic.now_us, seed=number)
        try:
            async with self._producer() as producer:
                await self._subscribe(producer, prefix, traffic)
                topic = prefix + GATEWAY_REQUESTS.name
                for stream, value in binary_records(warm_up.columns(), WARM_UP_CALLS // STREAMS, 0):
                    await producer.send(topic, value, partition=stream)
                await producer.flush()
                done = "select coalesce(sum(calls), 0) from usage_windows"
                published = f"{done} having coalesce(bool_and(revision = published_revision), false)"
                await _until(database, published, WARM_UP_CALLS, process, log)
                return await self._measure(
                    "metering", number, calls, len(values) * self._load.per_record - calls, process, database,
                    lambda: self._send(producer, topic, [(None, stream, value) for stream, value in values]),
                    published, calls + WARM_UP_CALLS, "usage_windows", log,
                )  # fmt: skip
        finally:
            _end(process)

    async def _subscribe(self, producer: AIOKafkaProducer, prefix: str, traffic: Traffic) -> None:
        start = from_us(traffic.now_us - (MINUTES + 60) * 60_000_000)
        for number in range(1, traffic.subscriptions + 1):
            state = SubscriptionState(
                version=1, subscription_id=f"sub_{number}", number=number, organization_id="org_1",
                application_id="app_1", application_number=1, developer_id="user_1", api_id="api_1", api_number=7,
                plan_id="plan_1", plan_version_number=1, paid=True, interval="month", status="active",
                created_at=start, current_period_start=start,
            )  # fmt: skip
            await producer.send(
                prefix + SUBSCRIPTIONS_STATE.name, encode(state), key=state.subscription_id.encode(),
                headers=[("ce_id", f"evt_{number}".encode())],
            )  # fmt: skip
        await producer.flush()

    async def rival(self, kind: str, number: int, calls: int) -> Run:
        """See rival.py."""
        topic, database = f"events-{secrets.token_hex(4)}", await self._database()
        admin = AIOKafkaAdminClient(bootstrap_servers=self._stack.kafka_bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(topic, GATEWAY_REQUESTS.partitions, 1)])
        await admin.close()
        process, log = self._start(
            "benchmarks.metering.rival", kind, KAFKA=self._stack.kafka_bootstrap, TOPIC=topic, DATABASE_URL=database
        )
        traffic = Traffic(calls, self._load.subscriptions, time.time_ns() // 1000, seed=number)
        events = [(key, None, value) for key, value in json_events(traffic.columns(), self._load.repeat_every)]
        warm_up = Traffic(WARM_UP_CALLS, self._load.subscriptions, traffic.now_us, seed=number)
        try:
            async with self._producer() as producer:
                await self._send(
                    producer, topic, [(key, None, value) for key, value in json_events(warm_up.columns(), 0)]
                )
                done = "select coalesce(sum(calls), 0) from windows"
                await _until(database, done, WARM_UP_CALLS, process, log)
                return await self._measure(
                    kind, number, calls, len(events) - calls, process, database,
                    lambda: self._send(producer, topic, events), done, calls + WARM_UP_CALLS, "windows", log,
                )  # fmt: skip
        finally:
            _end(process)

    async def _send(
        self, producer: AIOKafkaProducer, topic: str, records: Sequence[tuple[bytes | None, int | None, bytes]]
    ) -> None:
        for key, partition, value in records:
            await producer.send(topic, value, key=key, partition=partition)
        await producer.flush()

    async def _measure(
        self,
        name: str,
        number: int,
        calls: int,
        repeated: int,
        process: subprocess.Popen[bytes],
        database: str,
        send: Callable[[], object],
        done: str,
        expected: int,
        table: str,
        log: Path,
    ) -> Run:
        consumer, postgres = [psutil.Process(process.pid)], self._postgres()
        began, consumer_cpu, postgres_cpu = time.perf_counter(), _cpu(consumer), _cpu(postgres)
        await send()  # type: ignore[misc]
        await _until(database, done, expected, process, log)
        wall, consumer_cpu = time.perf_counter() - began, _cpu(consumer) - consumer_cpu
        postgres_cpu = _cpu(postgres) - postgres_cpu
        connection = await asyncpg.connect(database)
        try:
            windows = await connection.fetchval(f"select count(*) from {table}")
        finally:
            await connection.close()
        return Run(name, number, calls, repeated, consumer_cpu, postgres_cpu, wall, windows)


async def _until(database: str, query: str, expected: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """The exact sum is there. More than it, or the consumer's end, is a failure of the benchmark."""
    connection: asyncpg.Connection[asyncpg.Record] | None = None
    deadline = time.monotonic() + WITHIN_SECONDS
    try:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(f"the consumer ended: {_end_of(log)}")
            connection = connection or await asyncpg.connect(database)
            try:
                seen = await connection.fetchval(query)
            except asyncpg.UndefinedTableError:
                seen = None  # it has not made its tables yet
            if seen is not None and seen > expected:
                raise RuntimeError(f"{seen} calls counted, {expected} were made")
            if seen == expected:
                return
            await asyncio.sleep(LOOK_EVERY_SECONDS)
    finally:
        if connection is not None:
            await connection.close()
    raise RuntimeError(f"not {expected} calls within {WITHIN_SECONDS} s: {_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
