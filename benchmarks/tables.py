"""How fast and how large the gateway's tables are: 1,000,000 access entries and 10,000 APIs, from a real Kafka.

`make bench-tables` (ARGS="--entries 100000 --apis 1000" for less). A Kafka of its own is filled; then a fresh process
reads the topics with the gateway's own readers, as a worker does, and then follows a stream of updates. Printed:
seconds and CPU seconds until the tables are caught up, memory (RSS), and the longest time that the event loop was kept
from its next turn while updates streamed in: by the clock (other programs on the machine included) and in CPU time (our
own work only). Targets: 15 s, 500 MB, 20 ms.
"""

import argparse
import asyncio
import gc
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import uvloop
from aiokafka import AIOKafkaProducer

from gateway.adapters.access_token import AccessTokens
from gateway.adapters.kafka_reader import KafkaReader
from gateway.adapters.tables import GatewayTables, table_feeds
from local_stack.ports import Ports
from local_stack.stack import Stack
from shared.events.catalog import ApiState, Deployment, Operation, RateLimit
from shared.events.envelope import State, encode
from shared.events.subscriptions import Access, AccessEntryState
from shared.events.topics import CATALOG_APIS, IDENTITY_CREDENTIALS, IDENTITY_SIGNING_KEYS, SUBSCRIPTIONS_ACCESS
from shared.messaging.topics_admin import create_topics

TOPICS = (CATALOG_APIS, IDENTITY_CREDENTIALS, IDENTITY_SIGNING_KEYS, SUBSCRIPTIONS_ACCESS)
OPERATIONS = 20
UPDATES_PER_SECOND = 2_000
UPDATE_SECONDS = 10
MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)


def api(number: int) -> tuple[str, State]:
    """An API with twenty operations in both environments."""
    operations = tuple(
        Operation(number=index, method=method, path_template=template)
        for index, (template, method) in enumerate(
            (template, method)
            for template in ("/orders", "/orders/{id}", "/orders/{id}/lines", "/orders/{id}/lines/{line}", "/reports")
            for method in ("GET", "POST", "PUT", "DELETE")
        )
    )
    deployment = Deployment(
        revision=1, upstream_url=f"https://backend-{number}.example.com/v1", operations=operations, deployed_at=MADE_AT
    )
    api_id = f"api_01KB{number:022}"
    state = ApiState(
        version=1,
        api_id=api_id,
        number=number,
        organization_id=f"org_01KB{number // 10:022}",
        organization_identifier=f"organization-{number // 10}",
        identifier=f"api-{number}",
        version_label="1.0.0",
        display_name=f"API {number}",
        lifecycle="published",
        production=deployment,
        development=deployment,
    )
    return api_id, state


def entry(number: int, apis: int, *, version: int = 1) -> tuple[str, State]:
    """A subscription's access; plans differ by API."""
    application, api_id = f"app_01KB{number:022}", f"api_01KB{number % apis:022}"
    access = Access(
        allowed=True,
        subscription_id=f"sub_01KB{number:022}",
        subscription_number=number,
        plan_version_number=number % apis,
        rate_limits=(RateLimit(count=1000 + number % 7, per_seconds=60),),
    )
    state = AccessEntryState(
        version=version, application_id=application, api_id=api_id, production=access, sandbox=access
    )
    return f"{application}/{api_id}", state


async def fill(bootstrap: str, entries: int, apis: int) -> None:
    """Publish everything."""
    await create_topics(bootstrap, topics=TOPICS)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, max_batch_size=512 << 10)
    await producer.start()
    try:
        for number in range(apis):
            key, state = api(number)
            await producer.send(CATALOG_APIS.name, value=encode(state), key=key.encode())
        for number in range(entries):
            key, state = entry(number, apis)
            await producer.send(SUBSCRIPTIONS_ACCESS.name, value=encode(state), key=key.encode())
    finally:
        await producer.stop()


async def update(bootstrap: str, entries: int, apis: int) -> None:
    """A stream of changed entries at a steady rate."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5)
    await producer.start()
    try:
        started = time.monotonic()
        for number in range(UPDATES_PER_SECOND * UPDATE_SECONDS):
            key, state = entry(number * 7 % entries, apis, version=2 + number)
            await producer.send(SUBSCRIPTIONS_ACCESS.name, value=encode(state), key=key.encode())
            ahead = started + number / UPDATES_PER_SECOND - time.monotonic()
            if ahead > 0.005:
                await asyncio.sleep(ahead)
    finally:
        await producer.stop()


async def read(bootstrap: str) -> None:
    """A worker's part: load, then follow; says what it measured on its output."""
    gc.set_threshold(50_000, 20, 50)  # as the gateway does
    tables = GatewayTables(AccessTokens("http://issuer.test"))
    feeds = table_feeds(tables, "")
    started, used = time.monotonic(), time.process_time()
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(KafkaReader(bootstrap, feeds).run())
        for feed in feeds:
            await feed.ready.wait()
        print(f"loaded in {time.monotonic() - started:.1f} s, {time.process_time() - used:.1f} s of CPU", flush=True)
        print(f"entries {tables.entry_count()}, memory {psutil.Process().memory_info().rss / 1e6:.0f} MB", flush=True)
        gc.collect()
        gc.freeze()
        clock, own = [], []
        until = time.monotonic() + UPDATE_SECONDS + 2
        print("following", flush=True)
        while (now := time.monotonic()) < until:
            before = time.thread_time()
            await asyncio.sleep(0.001)
            clock.append(time.monotonic() - now - 0.001)
            own.append(time.thread_time() - before)
        reading.cancel()
        for name, values in (("by the clock", clock), ("own CPU time", own)):
            values.sort()
            p999 = values[int(len(values) * 0.999)]
            print(f"loop kept, {name}: p99.9 {p999 * 1000:.1f} ms, longest {values[-1] * 1000:.1f} ms", flush=True)


def measure(bootstrap: str, entries: int, apis: int) -> None:
    """Fill, then let a fresh process read, and feed it updates while it follows."""
    started = time.monotonic()
    asyncio.run(fill(bootstrap, entries, apis))
    print(f"{entries} access entries and {apis} APIs published in {time.monotonic() - started:.0f} s", flush=True)
    command = [sys.executable, "-m", "benchmarks.tables", "--read", bootstrap]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        for line in reader.stdout or ():
            if line.strip() == "following":
                asyncio.run(update(bootstrap, entries, apis))
            else:
                print(line, end="", flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--apis", type=int, default=10_000)
    parser.add_argument("--read", metavar="KAFKA", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(read(arguments.read))
        return
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    named = os.environ.get("TOLLWAY_BENCH_KAFKA")
    if named:
        measure(named, arguments.entries, arguments.apis)
        return
    with (
        tempfile.TemporaryDirectory(prefix="tollway-bench-", ignore_cleanup_errors=True) as folder,
        Stack(Path(folder), Ports.free(), processes=(), durable=False, supervise=False) as stack,
    ):
        measure(stack.kafka_bootstrap, arguments.entries, arguments.apis)


if __name__ == "__main__":
    main()
