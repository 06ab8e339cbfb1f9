"""What `make status` shows, from the supervisor's record and a look at the processes themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from local_stack.identity import is_alive
from local_stack.ports import is_listening
from local_stack.state import StateFolder, read_json


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """One line of `processes.json`. `token` makes the process id unmistakable."""

    name: str
    pid: int | None
    token: str | None
    port: int
    state: str
    since: str | None
    log: str
    ready_address: str
    restarts: int = 0
    stop_signal: int = 15


def recorded(folder: StateFolder) -> list[ProcessRecord]:
    """What the supervisor wrote last."""
    return [ProcessRecord(**entry) for entry in read_json(folder.processes) or []]


def observed(record: ProcessRecord, is_ready: Callable[[str], bool]) -> ProcessRecord:
    """The record corrected by what is true now. A process without an id is one we did not start."""
    if not record.log:
        return replace(record, state="ready" if is_listening(record.port) else "unreachable")
    if not is_alive(record.pid, record.token):
        return replace(record, pid=None, state=record.state if record.state == "restarting" else "stopped")
    if record.ready_address.startswith("http"):
        return replace(record, state="ready" if is_ready(record.ready_address) else "starting")
    return replace(record, state="ready" if is_listening(record.port) else "starting")


def as_json(records: list[ProcessRecord]) -> str:
    """The form that scripts read: exactly these six fields."""
    fields = ("name", "pid", "port", "state", "since", "log")
    return json.dumps([{name: getattr(record, name) for name in fields} for record in records])


def as_table(records: list[ProcessRecord]) -> str:
    """The form that people read."""
    if not records:
        return "Nothing runs. `make up` starts the stack."
    lines = [f"{'name':<14} {'state':<11} {'pid':>8} {'port':>6}  {'since':<21} {'restarts':>8}"]
    lines += [
        f"{r.name:<14} {r.state:<11} {r.pid or '-':>8} {r.port:>6}  {r.since or '-':<21} {r.restarts:>8}"
        for r in records
    ]
    return "\n".join(lines)
