"""One child process: restarted after a crash, and ended together with everything it started."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from local_stack.identity import start_token
from local_stack.managed import ManagedProcess, ProcessSpec, last_lines

# Says its child's id, then both wait for a signal that the child does not get.
PARENT = """
import subprocess, sys, signal
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print("child", child.pid, flush=True)
signal.pause()
"""
STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("armed", flush=True)
while True:
    signal.pause()
"""


def _wait_for(condition: Callable[[], object], seconds: float = 15.0) -> None:
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true in time"
        pause.wait(0.01)


Make = Callable[[str], ManagedProcess]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[ManagedProcess] = []

    def build(code: str) -> ManagedProcess:
        log = tmp_path / f"{len(made)}.log"
        spec = ProcessSpec(
            "dummy", [sys.executable, "-c", code], {}, 0, "", lambda: "child" in last_lines(log), stop_seconds=0.5
        )
        made.append(ManagedProcess(spec, log))
        return made[-1]

    yield build
    for process in made:
        process.stop()


def _child_of(process: ManagedProcess) -> int:
    _wait_for(lambda: "child" in last_lines(process.log))
    return int(last_lines(process.log, 1).split()[1])


def test_it_is_ready_when_it_says_so(make: Make) -> None:
    process = make(PARENT)
    assert not process.probe()
    process.start()
    _wait_for(process.probe)
    assert process.state == "ready"


def test_stop_leaves_no_descendant(make: Make) -> None:
    process = make(PARENT)
    process.start()
    child = _child_of(process)
    process.stop()
    assert process.state == "stopped"
    _wait_for(lambda: start_token(child) is None)


def test_a_process_that_ignores_sigterm_is_killed_after_its_time(make: Make) -> None:
    process = make(STUBBORN)
    process.start()
    _wait_for(lambda: "armed" in last_lines(process.log))
    process.stop()
    assert process.pid is None


def test_a_crash_is_followed_by_a_restart_and_orphans_are_ended_first(make: Make) -> None:
    process = make(PARENT)
    process.start()
    orphan, first = _child_of(process), process.pid
    assert first is not None
    psutil.Process(first).send_signal(signal.SIGKILL)
    _wait_for(lambda: process.pid is None)
    assert process.watch()
    assert process.state == "restarting"
    _wait_for(lambda: start_token(orphan) is None)
    _wait_for(lambda: process.watch() or process.pid is not None)
    assert process.pid != first
    assert (process.crashes, process.restarts) == (1, 1)
    assert "exited with status -9" in process.log.read_text()


def test_a_killed_process_that_shall_stay_down_stays_down(make: Make) -> None:
    process = make(PARENT)
    process.start()
    child = _child_of(process)
    process.kill(stay_down=True)
    assert not process.watch()
    assert process.pid is None
    _wait_for(lambda: start_token(child) is None)


def test_a_log_is_bounded(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local_stack.managed.LOG_LIMIT_BYTES", 10)
    process = make(PARENT)
    process.log.write_text("x" * 11)
    process.bound_log()
    assert process.log.read_text() == ""
    assert process.log.with_suffix(".log.1").read_text() == "x" * 11


def test_the_end_of_a_log_is_found(tmp_path: Path) -> None:
    log = tmp_path / "l.log"
    assert last_lines(log) == "(no log)"
    log.write_text("\n".join(str(n) for n in range(30)))
    assert last_lines(log, 2) == "28\n29"
