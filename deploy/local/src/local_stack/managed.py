"""One process of a stack: started in a session of its own, watched, restarted, and ended with everything it started."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import psutil

from local_stack.backoff import crashes_after_exit, restart_delay_seconds
from local_stack.identity import start_token

LOG_LIMIT_BYTES = 20_000_000
KILL_WAIT_SECONDS = 10.0
STRAGGLER_WAIT_SECONDS = 0.3

State = Literal["stopped", "starting", "ready", "restarting"]


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """How to run one process and how to tell that it is usable."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    port: int
    ready_address: str
    is_ready: Callable[[], bool]
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 15.0


@dataclass
class ManagedProcess:
    """The living counterpart of a `ProcessSpec`. Methods may be called from several threads."""

    spec: ProcessSpec
    log: Path
    wanted: bool = False
    was_ready: bool = False
    crashes: int = 0
    restarts: int = 0
    since: datetime | None = None
    token: str | None = None
    _child: subprocess.Popen[bytes] | None = None
    _started_at: float = 0.0
    _restart_at: float | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def pid(self) -> int | None:
        """The running process's id."""
        with self._lock:
            return self._child.pid if self._child is not None and self._child.poll() is None else None

    @property
    def state(self) -> State:
        """As known without asking it."""
        with self._lock:
            if self.pid is not None:
                return "ready" if self.was_ready else "starting"
            return "restarting" if self.wanted else "stopped"

    def start(self) -> None:
        """Start it unless it runs. Output is appended to the log by the process itself: it survives our end."""
        with self._lock:
            if self.pid is not None:
                return
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("ab") as output:
                self._child = subprocess.Popen(
                    self.spec.command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=dict(self.spec.environment),
                    cwd="/",
                    start_new_session=True,
                )
            self.token = start_token(self._child.pid)
            self.since = datetime.now(UTC)
            self.wanted, self.was_ready, self._restart_at = True, False, None
            self._started_at = time.monotonic()

    def probe(self) -> bool:
        """Ask it whether it is ready, and remember a yes."""
        child = self._child
        if self.pid is None or not self.spec.is_ready():
            return False
        with self._lock:
            # It may have died, and its successor started, while the question was on the way.
            self.was_ready = self._child is child and self.pid is not None
            return self.was_ready

    def watch(self) -> bool:
        """Called again and again by the supervisor: restarts it after a crash. True when something changed."""
        with self._lock:
            if not self.wanted or self._child is None or self.pid is not None:
                return False
            if self._restart_at is None:
                self._end_stragglers(self._child.pid)
                lived = time.monotonic() - self._started_at
                self.crashes = crashes_after_exit(self.crashes, lived_seconds=lived)
                self._restart_at = time.monotonic() + restart_delay_seconds(self.crashes)
                self._note(f"exited with status {self._child.returncode}")
                return True
            if time.monotonic() >= self._restart_at:
                self.start()
                self.restarts += 1
                return True
            return False

    def stop(self) -> None:
        """Ask it to end, and end it when it does not within its time; with it whatever it started."""
        with self._lock:
            self.wanted = False
            child, family = self._child, self._family()
        if child is None:
            return
        if child.poll() is None:
            child.send_signal(self.spec.stop_signal)
            try:
                child.wait(self.spec.stop_seconds)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(KILL_WAIT_SECONDS)
        self._kill_all(family)
        self._end_stragglers(child.pid)

    def kill(self, *, stay_down: bool = True) -> None:
        """`kill -9` for it and its children, as a power cut would. A supervisor restarts it unless `stay_down`."""
        with self._lock:
            if stay_down:
                self.wanted = False
            child, family = self._child, self._family()
            if child is None or child.poll() is not None:
                return
            child.kill()
            self._kill_all(family)
            child.wait(KILL_WAIT_SECONDS)
            self._end_stragglers(child.pid)

    def bound_log(self) -> None:
        """Keep at most two times the limit: the writers append, so truncating under them is safe."""
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > LOG_LIMIT_BYTES:
                shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
                os.truncate(self.log, 0)

    def _family(self) -> list[psutil.Process]:
        if self.pid is None:
            return []
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def _kill_all(self, family: list[psutil.Process]) -> None:
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()  # psutil compares start times first
        psutil.wait_procs(family, timeout=KILL_WAIT_SECONDS)

    def _end_stragglers(self, session: int) -> None:
        """Workers that outlived their parent: they are still in the process group that `start` made."""
        deadline, pause = time.monotonic() + STRAGGLER_WAIT_SECONDS, threading.Event()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            while time.monotonic() < deadline:
                # Again until nobody is left: a successor must find their port free.
                os.killpg(session, signal.SIGKILL)
                pause.wait(0.01)

    def _note(self, what: str) -> None:
        with self.log.open("a") as output:
            output.write(f"--- supervisor: {self.spec.name} {what}; restart in {self.restart_in_seconds:.1f} s\n")

    @property
    def restart_in_seconds(self) -> float:
        """How long until the next attempt."""
        return 0.0 if self._restart_at is None else max(0.0, self._restart_at - time.monotonic())


def last_lines(log: Path, count: int = 12) -> str:
    """The end of a log, for an error message."""
    try:
        with log.open("rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - 16_384))
            lines = stream.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(lines[-count:]) or "(the log is empty)"
