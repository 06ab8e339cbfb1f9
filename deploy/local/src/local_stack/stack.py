"""A whole stack as an object: what the supervisor runs, and what tests start for themselves on free ports.

    stack = Stack(folder, Ports.free(), supervise=False, durable=False)
    stack.start(); stack.kill("gateway"); stack.restart("gateway"); stack.stop()

All methods block; from a coroutine call them through `asyncio.to_thread`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from local_stack import kafka, postgres
from local_stack.errors import NotReady, StackError
from local_stack.jars import cache_root
from local_stack.managed import ManagedProcess, ProcessSpec, last_lines
from local_stack.ports import LOOPBACK, Ports, require_free
from local_stack.processes import (
    DATABASES,
    SERVICES,
    STAND_INS,
    ProcessDefinition,
    StackContext,
    environment_of,
)
from local_stack.progress import ProgressLine
from local_stack.state import StateFolder, write_atomically
from local_stack.status import ProcessRecord

KAFKA, POSTGRESQL = "kafka", "postgresql"
# Slow and shared machines need more; nothing waits longer than it must.
READY_WITHIN_SECONDS = float(os.environ.get("TOLLWAY_READY_WITHIN_SECONDS", "60"))
CRASHES_THAT_END_A_START = 3
WATCH_INTERVAL_SECONDS = 0.1
LOG_CHECK_INTERVAL_SECONDS = 10.0


class Stack:
    """Kafka, PostgreSQL, stand-ins and services. `processes=()` starts only Kafka and PostgreSQL."""

    def __init__(
        self,
        state: Path,
        ports: Ports | None = None,
        *,
        kafka_bootstrap: str | None = None,
        postgres_url: str | None = None,
        processes: Sequence[ProcessDefinition] = (*STAND_INS, *SERVICES),
        overrides: Mapping[str, Mapping[str, str]] | None = None,
        durable: bool = True,
        supervise: bool = True,
        report: Callable[[ProgressLine], None] = lambda _: None,
    ) -> None:
        """`kafka_bootstrap` and `postgres_url` name running ones; `overrides` adds settings for a process by name."""
        self.folder = StateFolder(state.resolve())
        self.ports = ports or Ports()
        self.kafka_bootstrap = kafka_bootstrap or f"{LOOPBACK}:{self.ports.kafka}"
        self._external = {KAFKA: kafka_bootstrap, POSTGRESQL: postgres_url}
        self._definitions = tuple(processes)
        self._overrides = overrides or {}
        self._durable, self._supervise, self._report = durable, supervise, report
        self._managed: dict[str, ManagedProcess] = {}
        self._watcher: threading.Thread | None = None
        self._ending = threading.Event()
        self._starting = False
        self._record_lock = threading.Lock()
        self.folder.prepare()
        self.secrets = self.folder.secrets()
        self.postgres_url = postgres_url or postgres.url(self.ports.postgres, self.secrets.postgres_password)
        self.context = StackContext(self.ports, self.secrets, self.folder, self.kafka_bootstrap, self.postgres_url)

    # --- the whole -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything that does not run, in the order of need, and return when all of it is ready."""
        self._refuse_taken_ports()
        self._starting, early = True, [d for d in self._definitions if not d.on_the_bus]
        self._start_watcher()
        try:
            self._in_parallel([self._bring_up_kafka, self._bring_up_postgres, *(self._bringing_up(d) for d in early)])
            late = [d for d in self._definitions if d.on_the_bus]
            if late:
                self._in_parallel([self._create_topics, self._create_databases])
            self._in_parallel([self._bringing_up(d) for d in late])
        finally:
            self._starting = False
        write_atomically(self.folder.description, json.dumps(self.description(), indent=1))

    def stop(self) -> None:
        """End everything: services, then stand-ins, then Kafka and PostgreSQL. Data stays."""
        self._ending.set()
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None
        infrastructure, stand_ins = {KAFKA, POSTGRESQL}, {d.name for d in STAND_INS}
        services = self._managed.keys() - infrastructure - stand_ins
        for wave in (services, stand_ins, infrastructure):
            self._in_parallel([self._managed[name].stop for name in self._managed if name in wave])
        self._record()
        self._ending.clear()

    def abort(self) -> None:
        """From a signal handler: make a `start` under way fail soon."""
        self._ending.set()

    def __enter__(self) -> Stack:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- one process -----------------------------------------------------------------------------------------------

    def kill(self, name: str, *, stay_down: bool = False) -> None:
        """`kill -9`. With a supervisor it comes back by itself unless `stay_down`; without, call `restart`."""
        self._process(name).kill(stay_down=stay_down or not self._supervise)
        self._record()

    def stop_process(self, name: str) -> None:
        """End one process in order; it stays down."""
        self._process(name).stop()
        self._record()

    def restart(self, name: str, *, timeout_seconds: float = READY_WITHIN_SECONDS) -> None:
        """Start a process that was killed or stopped (or end and start one that runs) and wait until it is ready."""
        process = self._process(name)
        if process.pid is not None:
            process.stop()
        process.start()
        self._record()
        self.wait_ready(name, timeout_seconds=timeout_seconds)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the process itself (SIGSTOP and SIGCONT freeze and thaw it)."""
        pid = self._process(name).pid
        if pid is None:
            raise StackError(f"{name} does not run")
        os.kill(pid, number)

    def wait_ready(self, name: str, *, timeout_seconds: float = READY_WITHIN_SECONDS) -> None:
        """Return when it is ready; NotReady with the end of its log when it is not in time or keeps crashing."""
        process, deadline = self._process(name), time.monotonic() + timeout_seconds
        crashes_before = process.crashes
        pause = threading.Event()
        while not process.probe():
            crashed = process.crashes - crashes_before >= CRASHES_THAT_END_A_START
            if crashed or (not self._supervise and process.pid is None):
                raise NotReady(f"{name} ended instead of becoming ready; {_end_of(process.log)}")
            if time.monotonic() > deadline:
                raise NotReady(f"{name} is not ready after {timeout_seconds:.0f} s; {_end_of(process.log)}")
            if self._ending.is_set():
                raise NotReady(f"{name} was stopped before it was ready")
            pause.wait(0.05)
        self._record()

    def pid(self, name: str) -> int | None:
        """The process id, None when it does not run."""
        return self._process(name).pid

    def log(self, name: str) -> Path:
        """Where its output goes."""
        return self.folder.log_of(name)

    def url(self, port_name: str) -> str:
        """`http://127.0.0.1:<port>`; port names are those of `Ports`."""
        return self.context.address(port_name)

    def database_url(self, database: str) -> str:
        """One of `processes.DATABASES` on this stack's server."""
        return postgres.with_database(self.postgres_url, database)

    def status(self) -> list[ProcessRecord]:
        """Every process as it is known now, in the order of start."""
        return [*self._external_records(), *(self._record_of(process) for process in list(self._managed.values()))]

    def description(self) -> dict[str, object]:
        """What others need to find this stack: written to `stack.json`."""
        native_postgres = f"native {postgres.version()}"
        return {
            "components": {
                "kafka": f"external {self.kafka_bootstrap}" if self._external[KAFKA] else kafka.DESCRIPTION,
                "postgresql": "external" if self._external[POSTGRESQL] else native_postgres,
            },
            "kafka_bootstrap_servers": self.kafka_bootstrap,
            "ports": asdict(self.ports),
            "urls": {name: self.url(name) for name in asdict(self.ports) if not name.startswith(("kafka", "postgres"))},
        }

    # --- how -------------------------------------------------------------------------------------------------------

    def _process(self, name: str) -> ManagedProcess:
        try:
            return self._managed[name]
        except KeyError:
            raise StackError(f"This stack has no process {name!r}; it has {', '.join(self._managed)}.") from None

    def _refuse_taken_ports(self) -> None:
        """Only for what does not run yet; before anything is started."""
        wanted: dict[str, int] = {}
        if not self._external[KAFKA] and self._is_down(KAFKA):
            wanted |= {"kafka": self.ports.kafka, "kafka's controller": self.ports.kafka_controller}
        if not self._external[POSTGRESQL] and self._is_down(POSTGRESQL):
            wanted["postgresql"] = self.ports.postgres
        for definition in self._definitions:
            for port_name in (definition.traffic_port, definition.operations_port, *definition.other_ports):
                if port_name and self._is_down(definition.name):
                    wanted[definition.name] = getattr(self.ports, port_name)
                    require_free({definition.name: getattr(self.ports, port_name)})
        require_free(wanted)

    def _is_down(self, name: str) -> bool:
        return name not in self._managed or self._managed[name].pid is None

    def _bring_up_kafka(self) -> None:
        if self._external[KAFKA]:
            self._wait_external(KAFKA, self.kafka_bootstrap, lambda: kafka.is_ready(self.kafka_bootstrap))
            return
        with self._progress(KAFKA, self.kafka_bootstrap):
            command = kafka.prepare(
                self.folder.data / "kafka", self.ports, cache_root(os.environ), lambda text: self._announce(KAFKA, text)
            )
            self._run(
                ProcessSpec(
                    KAFKA, command, dict(os.environ), self.ports.kafka, f"kafka://{self.kafka_bootstrap}",
                    lambda: kafka.is_ready(self.kafka_bootstrap), stop_seconds=30.0,
                )
            )  # fmt: skip

    def _bring_up_postgres(self) -> None:
        if url := self._external[POSTGRESQL]:
            self._wait_external(POSTGRESQL, "TOLLWAY_POSTGRES_URL", lambda: postgres.is_ready(url))
            return
        with self._progress(POSTGRESQL, f"{LOOPBACK}:{self.ports.postgres}"):
            command = postgres.prepare(
                self.folder.data / "postgresql",
                self.ports.postgres,
                self.secrets.postgres_password,
                durable=self._durable,
            )
            self._run(
                ProcessSpec(
                    POSTGRESQL, command, postgres.ENVIRONMENT, self.ports.postgres,
                    f"postgresql://{LOOPBACK}:{self.ports.postgres}", lambda: postgres.is_ready(self.postgres_url),
                    stop_signal=signal.SIGINT, stop_seconds=30.0,  # SIGINT is PostgreSQL's fast shutdown
                )
            )  # fmt: skip

    def _bringing_up(self, definition: ProcessDefinition) -> Callable[[], None]:
        def bring_up() -> None:
            port: int = getattr(self.ports, definition.main_port)
            ready_address = self.url(definition.ready_port) + definition.ready_path
            environment = environment_of(definition, self.context, overrides=self._overrides.get(definition.name))
            command = [sys.executable, "-m", definition.module, *definition.arguments(self.context)]
            with self._progress(definition.name, f"{LOOPBACK}:{port}"):
                self._run(
                    ProcessSpec(
                        definition.name, command, environment, port,
                        ready_address, lambda: answers_ok(ready_address),
                    )
                )  # fmt: skip

        return bring_up

    def _run(self, spec: ProcessSpec) -> None:
        current = self._managed.get(spec.name)
        if current is None or current.pid is None:
            self._managed[spec.name] = ManagedProcess(spec, self.folder.log_of(spec.name))
            self._managed[spec.name].start()
            self._record()
        self.wait_ready(spec.name)

    def _create_topics(self) -> None:
        from shared.messaging.topics_admin import create_topics

        with self._progress("topics", self.kafka_bootstrap):
            asyncio.run(create_topics(self.kafka_bootstrap))

    def _create_databases(self) -> None:
        names = {d.database for d in self._definitions if d.database} & set(DATABASES)
        with self._progress("databases", f"{LOOPBACK}:{self.ports.postgres}"):
            asyncio.run(postgres.create_databases(self.postgres_url, sorted(names)))

    def _wait_external(self, name: str, address: str, is_ready: Callable[[], bool]) -> None:
        with self._progress(name, address):
            deadline, pause = time.monotonic() + 15.0, threading.Event()
            while not is_ready():
                if time.monotonic() > deadline:
                    raise NotReady(f"The {name} named in the environment ({address}) does not answer.")
                pause.wait(0.2)

    def _start_watcher(self) -> None:
        if self._supervise and self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)
            self._watcher.start()

    def _watch(self) -> None:
        next_log_check = time.monotonic()
        while not self._ending.wait(WATCH_INTERVAL_SECONDS):
            changed = False
            for process in list(self._managed.values()):
                changed |= process.watch()
                if not self._starting and process.pid is not None and not process.was_ready:
                    changed |= process.probe()
            if changed:
                self._record()
            if time.monotonic() >= next_log_check:
                next_log_check += LOG_CHECK_INTERVAL_SECONDS
                for process in list(self._managed.values()):
                    process.bound_log()

    def _external_records(self) -> Iterator[ProcessRecord]:
        for name, url in self._external.items():
            if url:
                port = int(url.split(",")[0].rsplit("@", 1)[-1].split("/")[0].rpartition(":")[2])
                yield ProcessRecord(name, None, None, port, "ready", None, "", "")

    def _record_of(self, process: ManagedProcess) -> ProcessRecord:
        since = process.since.strftime("%Y-%m-%dT%H:%M:%SZ") if process.since else None
        return ProcessRecord(
            process.spec.name, process.pid, process.token, process.spec.port, process.state, since, str(process.log),
            process.spec.ready_address, process.restarts, int(process.spec.stop_signal),
        )  # fmt: skip

    def _record(self) -> None:
        with self._record_lock:
            text = json.dumps([asdict(record) for record in self.status()], indent=1)
            write_atomically(self.folder.processes, text)

    def _announce(self, name: str, text: str) -> None:
        self._report(ProgressLine(name, text))

    @contextlib.contextmanager
    def _progress(self, name: str, address: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._report(ProgressLine(name, "ready", time.monotonic() - began, address))

    @staticmethod
    def _in_parallel(tasks: Iterable[Callable[[], object]]) -> None:
        """Run all, wait for all, raise the first failure."""
        tasks = list(tasks)
        if not tasks:
            return
        with ThreadPoolExecutor(len(tasks)) as pool:
            futures = [pool.submit(task) for task in tasks]
        for future in futures:
            future.result()


def _end_of(log: Path) -> str:
    return f"its log ({log}) ends with:\n{last_lines(log)}"


def answers_ok(address: str) -> bool:
    """Whether the address answers 200 now."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy of the shell is not for loopback
    try:
        with opener.open(address, timeout=2.0) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False
