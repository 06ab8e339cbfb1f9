"""The detached process behind `make up`: starts the stack, restarts what crashes, ends everything on SIGTERM."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from local_stack.errors import StackError
from local_stack.identity import start_token
from local_stack.ports import Ports
from local_stack.progress import ProgressLine
from local_stack.stack import KAFKA, POSTGRESQL, Stack
from local_stack.state import StateFolder, write_atomically


def ports_from(environment: Mapping[str, str]) -> Ports:
    """The default ports, moved by TOLLWAY_PORT_OFFSET."""
    text = environment.get("TOLLWAY_PORT_OFFSET", "0")
    try:
        offset = int(text)
    except ValueError:
        raise StackError(f"TOLLWAY_PORT_OFFSET must be a whole number, not {text!r}.") from None
    return Ports().shifted(offset) if offset else Ports()


def stack_from(environment: Mapping[str, str], state: Path, report: Callable[[ProgressLine], None]) -> Stack:
    """The stack that the environment describes."""
    return Stack(
        state,
        ports_from(environment),
        kafka_bootstrap=environment.get("TOLLWAY_KAFKA_BOOTSTRAP_SERVERS") or None,
        postgres_url=environment.get("TOLLWAY_POSTGRES_URL") or None,
        report=report,
    )


class ProgressFile:
    """One JSON object a line, read by `make up` while it waits: progress lines, then one outcome."""

    def __init__(self, path: Path) -> None:
        self._stream = path.open("a", buffering=1)
        self._lock = threading.Lock()

    def line(self, line: ProgressLine) -> None:
        """Something became ready, or takes a while."""
        self._write({"line": asdict(line)})

    def outcome(self, failure: str | None) -> None:
        """The start is over."""
        self._write({"ready": failure is None, "failure": failure})

    def _write(self, record: Mapping[str, object]) -> None:
        with self._lock:
            self._stream.write(json.dumps(record) + "\n")


def supervise(state: Path, environment: Mapping[str, str]) -> int:
    """Run until told to stop. The lock makes two of them on one folder impossible."""
    folder = StateFolder(state)
    folder.prepare()
    with folder.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 3
        progress = ProgressFile(folder.progress)
        identity = {"pid": os.getpid(), "token": start_token(os.getpid())}
        write_atomically(folder.supervisor, json.dumps(identity))
        try:
            return _run(stack_from(environment, state, progress.line), progress)
        except StackError as error:
            progress.outcome(str(error))
            return 1
        finally:
            folder.supervisor.unlink(missing_ok=True)


def _run(stack: Stack, progress: ProgressFile) -> int:
    told_to_stop = threading.Event()

    def on_signal(_number: int, _frame: object) -> None:
        told_to_stop.set()
        stack.abort()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    try:
        stack.start()
    except Exception as error:
        # Whatever it is, the person at the terminal must hear of it; the traceback goes to the supervisor's log.
        progress.outcome(str(error) if isinstance(error, StackError) else f"{type(error).__name__}: {error}")
        if told_to_stop.is_set() or not _is_usable(stack):
            stack.stop()
            if isinstance(error, StackError):
                return 1
            raise
        # A service that does not start leaves the rest running: it is retried, and the others are of use.
    else:
        progress.outcome(None)
    told_to_stop.wait()
    stack.stop()
    return 0


def _is_usable(stack: Stack) -> bool:
    """Whether Kafka, PostgreSQL and at least one service were started."""
    running = {record.name for record in stack.status() if record.pid is not None or not record.log}
    return {KAFKA, POSTGRESQL} < running and len(running) > 4
