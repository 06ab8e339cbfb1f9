"""Everything that runs during the benchmark: Kafka, the upstream, the rivals, and the product's own process."""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaProducer
from benchmarks.gateway import rivals
from benchmarks.gateway.prerequisites import Programs
from benchmarks.gateway.world import HOST, ISSUER, PREFIX, World

from local_stack.ports import Ports
from local_stack.stack import Stack
from shared.events.envelope import encode
from shared.messaging.topics_admin import create_topics

READY_WITHIN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Proxy:
    """What is measured: its first process (children count with it) and where it listens."""

    name: str
    port: int
    pid: int


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Cores:
    """Load and upstream on the first core, the proxy on the last, where there are two."""

    def __init__(self) -> None:
        self.all = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []

    def of_load(self) -> set[int]:
        """Where wrk and the upstream run."""
        return set(self.all[:1])

    def of_proxy(self, workers: int = 1) -> set[int]:
        """Where the proxy runs; several workers get every core."""
        return set(self.all[-1:]) if workers == 1 else set(self.all)


class Field:
    """Starts the processes, and ends them in the reverse order when it is left."""

    def __init__(self, folder: Path, programs: Programs, world: World, *, workers: int) -> None:
        self._folder, self._programs, self._world, self._workers = folder, programs, world, workers
        self._closing = ExitStack()
        self.cores = Cores()
        self.upstream_port = free_port()
        self.upstream_pid = 0
        self._kafka = ""

    def __enter__(self) -> "Field":
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def _spawn(
        self, name: str, command: Sequence[str], cores: set[int], environment: dict[str, str] | None = None
    ) -> int:
        log = self._closing.enter_context((self._folder / f"{name}.log").open("wb"))
        pin: Callable[[], None] | None = None
        if cores:
            pin = lambda: os.sched_setaffinity(0, cores)  # noqa: E731
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            env=os.environ | (environment or {}),
            preexec_fn=pin,  # noqa: PLW1509
        )
        self._closing.callback(_end, process)
        return process.pid

    def start_upstream(self) -> None:
        """nginx with one worker."""
        path = rivals.nginx_upstream(self._folder / "upstream", self.upstream_port)
        self.upstream_pid = self._spawn("upstream", [self._programs.nginx, "-c", str(path)], self.cores.of_load())
        self._wait("upstream", self.upstream_port, f"{PREFIX}/orders/1")

    def start_kafka(self) -> None:
        """A real Kafka with our topics, and on them what the gateway's tables need."""
        stack = Stack(self._folder / "stack", Ports.free(), processes=(), durable=False, supervise=False)
        self._closing.enter_context(stack)
        self._kafka = stack.kafka_bootstrap
        # Topics that were made a moment ago have no leader yet: aiokafka retries, and says so at length.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        asyncio.run(self._publish())

    async def _publish(self) -> None:
        await create_topics(self._kafka)
        producer = AIOKafkaProducer(bootstrap_servers=self._kafka)
        await producer.start()
        try:
            for topic, key, state in self._world.states(self.upstream_port):
                await producer.send(topic.name, value=encode(state), key=key.encode())
        finally:
            await producer.stop()

    def start_nginx(self) -> Proxy:
        """The plain reverse proxy."""
        port = free_port()
        path = rivals.nginx_proxy(self._folder / "nginx", port, self.upstream_port, self._workers)
        pid = self._spawn("nginx", [self._programs.nginx, "-c", str(path)], self.cores.of_proxy(self._workers))
        self._wait("nginx", port, f"{PREFIX}/orders/1")
        return Proxy("nginx", port, pid)

    def start_envoy(self) -> Proxy:
        """Envoy with equal features."""
        port = free_port()
        path = rivals.envoy(self._folder / "envoy", port, self.upstream_port, self._world)
        command = [self._programs.envoy, "-c", str(path), "--concurrency", str(self._workers), "--log-level", "warn"]
        pid = self._spawn("envoy", command, self.cores.of_proxy(self._workers))
        self._wait("envoy", port, f"{PREFIX}/orders/1", self._world.token(0))
        return Proxy("envoy_equal", port, pid)

    def start_gateway(self, name: str, environment: dict[str, str] | None = None) -> Proxy:
        """The product's process as `make up` starts it: tables from Kafka, write-ahead log and shipper on."""
        port, operations = free_port(), free_port()
        directory = self._folder / f"wal-{name}"
        directory.mkdir()
        settings = {
            "TOLLWAY_KAFKA_BOOTSTRAP_SERVERS": self._kafka,
            "TOLLWAY_PORT": str(port),
            "TOLLWAY_OPERATIONS_PORT": str(operations),
            "TOLLWAY_ALLOWED_PRIVATE_ADDRESSES": "127.0.0.0/8",
            "TOLLWAY_WAL_DIRECTORY": str(directory),
            "TOLLWAY_ISSUER": ISSUER,
            "TOLLWAY_GATEWAY_WORKERS": str(self._workers),
        }
        pid = self._spawn(
            name,
            [sys.executable, "-m", "gateway.main"],
            self.cores.of_proxy(self._workers),
            settings | (environment or {}),
        )
        self._wait(name, operations, "/readyz")
        self._wait(name, port, f"{PREFIX}/orders/1", self._world.token(0))
        return Proxy(name, port, pid)

    def _wait(self, name: str, port: int, path: str, token: str = "") -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        headers = {"Host": HOST} | ({"Authorization": f"Bearer {token}"} if token else {})
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while True:
            try:
                with opener.open(request, timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (OSError, urllib.error.URLError) as error:
                reason: object = error
            if time.monotonic() > deadline:
                log = (self._folder / f"{name}.log").read_text(errors="replace")[-2_000:]
                raise TimeoutError(f"{name} is not ready ({reason}); its log ends with:\n{log}")
            time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
