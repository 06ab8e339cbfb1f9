"""What `make up`, `down`, `reset`, `status` and `logs` do. They talk to the supervisor through its folder only."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from local_stack.errors import StackError
from local_stack.identity import is_alive
from local_stack.managed import last_lines
from local_stack.progress import ProgressLine
from local_stack.stack import KAFKA, POSTGRESQL, READY_WITHIN_SECONDS, answers_ok
from local_stack.state import StateFolder, read_json
from local_stack.status import ProcessRecord, as_json, as_table, observed, recorded
from local_stack.supervisor import ports_from

STOP_WITHIN_SECONDS = 120.0
ORPHAN_STOP_SECONDS = 20.0
POLL_SECONDS = 0.05


def up(folder: StateFolder) -> int:
    """Start what does not run; print a line for each part; 0 when all of it is ready."""
    began = time.monotonic()
    ports_from(os.environ)  # a wrong TOLLWAY_PORT_OFFSET is told here, not in a log
    if _supervisor_pid(folder) is not None:
        return _await_running(folder)
    end_orphans(folder)
    folder.prepare()
    folder.progress.write_text("")
    with folder.log_of("supervisor").open("wb") as log:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "local_stack", "supervise"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"TOLLWAY_STATE": str(folder.root)},
            cwd="/",
            start_new_session=True,
        )
    try:
        failure = _follow(folder, supervisor)
    except KeyboardInterrupt:
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(STOP_WITHIN_SECONDS)
        print("Interrupted; nothing was left running.", file=sys.stderr)
        return 130
    if failure:
        print(failure, file=sys.stderr)
        return 1
    print(f"Everything is ready after {time.monotonic() - began:.1f} s. Logs: {folder.logs}")
    return 0


def down(folder: StateFolder) -> int:
    """End every process of the stack; data stays."""
    pid = _supervisor_pid(folder)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        if not _wait(lambda: _supervisor_pid(folder) is None, STOP_WITHIN_SECONDS):
            os.kill(pid, signal.SIGKILL)
    ended = end_orphans(folder)
    print("Stopped." if pid is not None or ended else "Nothing was running.")
    return 0


def reset(folder: StateFolder) -> int:
    """`down`, then delete data, keys and logs."""
    down(folder)
    folder.remove()
    print(f"Deleted the stack's data in {folder.root}.")
    return 0


def status(folder: StateFolder, *, json_form: bool) -> int:
    """What runs, as a table or as JSON."""
    records = [observed(record, answers_ok) for record in recorded(folder)]
    print(as_json(records) if json_form else as_table(records))
    return 0


def logs(folder: StateFolder, name: str | None) -> int:
    """The last lines of every log, or more of one."""
    if name and not folder.log_of(name).exists():
        known = ", ".join(sorted(path.stem for path in folder.logs.glob("*.log"))) or "none yet"
        raise StackError(f"There is no log of {name!r}; there are: {known}.")
    for path in [folder.log_of(name)] if name else sorted(folder.logs.glob("*.log")):
        print(f"==> {path} <==")
        print(last_lines(path, 200 if name else 10))
    return 0


def components(folder: StateFolder) -> int:
    """What Kafka and PostgreSQL are here, as JSON (for the demo's report)."""
    print(json.dumps(_description(folder)["components"]))
    return 0


def demo(folder: StateFolder, arguments: list[str]) -> int:
    """Become the journey of sandbox/journey, told where this stack is."""
    return bench(folder, ["journey", *arguments])


def bench(folder: StateFolder, arguments: list[str]) -> int:
    """Become a module that asks this stack something, told where it is."""
    description = _description(folder)
    addresses = {
        "PORTAL": "portal",
        "GATEWAY": "gateway",
        "STRIPE": "stripe",
        "UPSTREAM": "reading_list",
        "MAILBOX": "mailbox",
    }
    settings = {f"TOLLWAY_DEMO_{name}_URL": description["urls"][port] for name, port in addresses.items()}
    settings["TOLLWAY_KAFKA_BOOTSTRAP_SERVERS"] = description["kafka_bootstrap_servers"]
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", *arguments], os.environ | settings)


def _description(folder: StateFolder) -> dict[str, Any]:
    found = read_json(folder.description)
    if found is None:
        raise StackError("The stack was never started: run `make up`.")
    description: dict[str, Any] = found
    return description


def end_orphans(folder: StateFolder) -> int:
    """End processes whose supervisor died: services first, Kafka and PostgreSQL last. Returns how many there were."""
    alive = [record for record in recorded(folder) if is_alive(record.pid, record.token)]
    infrastructure = (KAFKA, POSTGRESQL)
    for wave in ([r for r in alive if r.name not in infrastructure], [r for r in alive if r.name in infrastructure]):
        for record in wave:
            _signal(record, signal.Signals(record.stop_signal))
        _wait(partial(_all_ended, wave), ORPHAN_STOP_SECONDS)
        for record in wave:
            _signal(record, signal.SIGKILL, whole_group=True)
    return len(alive)


def _all_ended(records: list[ProcessRecord]) -> bool:
    return not any(is_alive(record.pid, record.token) for record in records)


def _signal(record: ProcessRecord, number: signal.Signals, *, whole_group: bool = False) -> None:
    if record.pid is None or not is_alive(record.pid, record.token):
        return
    with contextlib.suppress(ProcessLookupError):
        (os.killpg if whole_group else os.kill)(record.pid, number)


def _supervisor_pid(folder: StateFolder) -> int | None:
    identity = read_json(folder.supervisor)
    return identity["pid"] if identity and is_alive(identity["pid"], identity["token"]) else None


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause.wait(POLL_SECONDS)
    return True


def _follow(folder: StateFolder, supervisor: subprocess.Popen[bytes]) -> str | None:
    """Print progress until the outcome; returns the failure, if it is one."""
    for record in _progress_records(folder.progress, supervisor):
        if "line" in record:
            print(ProgressLine(**record["line"]), flush=True)
        else:
            return None if record["ready"] else str(record["failure"])
    return f"The supervisor ended by itself; its log ends with:\n{last_lines(folder.log_of('supervisor'))}"


def _progress_records(path: Path, supervisor: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    pause = threading.Event()
    with path.open() as stream:
        while True:
            ended = supervisor.poll() is not None
            line = stream.readline()
            if line.endswith("\n"):
                yield json.loads(line)
            elif ended:
                return
            else:
                pause.wait(POLL_SECONDS)


def _await_running(folder: StateFolder) -> int:
    """A second `make up`: nothing is started, but "ready" must be true when it returns."""

    def not_ready() -> list[ProcessRecord]:
        return [r for r in (observed(r, answers_ok) for r in recorded(folder)) if r.state != "ready"]

    _wait(lambda: bool(recorded(folder)) and not not_ready(), READY_WITHIN_SECONDS)
    late = not_ready()
    for record in recorded(folder):
        print(ProgressLine(record.name, "not ready" if record.name in {r.name for r in late} else "runs", None,
                           f"127.0.0.1:{record.port}"))  # fmt: skip
    for record in late:
        print(f"{record.name} is {record.state}; its log ({record.log}) ends with:\n{last_lines(Path(record.log))}",
              file=sys.stderr)  # fmt: skip
    if not late:
        print("Everything was running already.")
    return 1 if late else 0
