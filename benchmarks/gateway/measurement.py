"""One measurement: wrk against a proxy, and what the proxy's processes used meanwhile."""

import os
import re
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from benchmarks.gateway.prerequisites import Programs
from benchmarks.gateway.processes import Cores, Proxy

_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


@dataclass(frozen=True, slots=True)
class Run:
    """Times per call in microseconds, latencies in milliseconds, memory in MB (private: without the mapped log)."""

    name: str
    kind: str  # warm, cold, paced
    round: int
    calls: int
    calls_per_second: float
    cpu_us: float
    user_us: float
    system_us: float
    p50_ms: float
    p99_ms: float
    rss_mb: float
    private_mb: float
    other_cores: float  # taken by everybody else on this machine meanwhile
    failed: int
    user_instructions: float | None = None
    kernel_instructions: float | None = None


@dataclass(frozen=True, slots=True)
class _Used:
    nanoseconds: int
    user: float
    system: float


def _tree(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def _used(pid: int) -> _Used:
    nanoseconds, user, system = 0, 0.0, 0.0
    for process in _tree(pid):
        for thread in Path(f"/proc/{process.pid}/task").iterdir():
            nanoseconds += int((thread / "schedstat").read_text().split()[0])
        times = process.cpu_times()
        user, system = user + times.user, system + times.system
    return _Used(nanoseconds, user, system)


def _memory_mb(pid: int) -> tuple[float, float]:
    rss = private = 0
    for process in _tree(pid):
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                rss += int(line.split()[1])
            elif line.startswith("RssAnon:"):
                private += int(line.split()[1])
    return rss / 1024, private / 1024


class Instructions:
    """`perf stat` beside a run; counts nothing where the machine cannot."""

    def __init__(self, perf: str, pid: int) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._file = Path(tempfile.mkstemp(prefix="perf-")[1])
        if perf:
            pids = ",".join(str(process.pid) for process in _tree(pid))
            events = "instructions:u,instructions:k"
            self._process = subprocess.Popen([perf, "stat", "-x,", "-o", str(self._file), "-e", events, "-p", pids])
            time.sleep(0.2)

    def stop(self) -> tuple[float, float] | None:
        """User and kernel instructions since the start."""
        if self._process is None:
            self._file.unlink()
            return None
        self._process.send_signal(signal.SIGINT)
        self._process.wait()
        fields = [line.split(",") for line in self._file.read_text().splitlines() if "instructions" in line]
        self._file.unlink()
        if len(fields) != 2 or not all(field[0].isdigit() for field in fields):
            return None
        return float(fields[0][0]), float(fields[1][0])


class Bench:
    """Runs wrk on the cores of the load."""

    def __init__(self, programs: Programs, cores: Cores) -> None:
        self._programs, self._cores = programs, cores

    def run(
        self, proxy: Proxy, kind: str, script: Path, *, connections: int, seconds: int, number: int, threads: int = 1
    ) -> Run:
        """One run of `seconds`."""
        command = [self._programs.wrk, f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--latency"]
        command += ["-s", str(script), f"http://127.0.0.1:{proxy.port}/"]
        instructions = Instructions(self._programs.perf, proxy.pid)
        machine, children = _busy(), os.times()
        before, began = _used(proxy.pid), time.monotonic()
        load = self._cores.of_load()
        pin = (lambda: os.sched_setaffinity(0, load)) if load else None
        done = subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=pin)
        after, elapsed = _used(proxy.pid), time.monotonic() - began
        counted = instructions.stop()
        mine = os.times()
        own = (after.nanoseconds - before.nanoseconds) / 1e9 + (
            mine.children_user + mine.children_system - children.children_user - children.children_system
        )
        return self._result(
            proxy, kind, number, done.stdout, before, after, counted, max(0.0, (_busy() - machine - own) / elapsed)
        )

    @staticmethod
    def _result(
        proxy: Proxy,
        kind: str,
        number: int,
        output: str,
        before: _Used,
        after: _Used,
        counted: tuple[float, float] | None,
        other_cores: float,
    ) -> Run:
        calls = _number(r"(\d+) requests in", output)
        if calls < 100:
            raise RuntimeError(f"{proxy.name} answered {calls:.0f} calls; wrk said:\n{output}")
        cpu_us = (after.nanoseconds - before.nanoseconds) / 1e3 / calls
        user, system = after.user - before.user, after.system - before.system
        share = user / (user + system) if user + system else 0.5
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
        failed = _number(r"Non-2xx or 3xx responses: (\d+)", output) + sum(map(int, errors.groups() if errors else ()))
        rss, private = _memory_mb(proxy.pid)
        return Run(
            name=proxy.name, kind=kind, round=number, calls=int(calls),
            calls_per_second=_number(r"Requests/sec:\s+([\d.]+)", output),
            cpu_us=cpu_us, user_us=cpu_us * share, system_us=cpu_us * (1 - share),
            p50_ms=_percentile(50, output), p99_ms=_percentile(99, output), rss_mb=rss, private_mb=private,
            other_cores=other_cores, failed=int(failed),
            user_instructions=counted[0] / calls if counted else None,
            kernel_instructions=counted[1] / calls if counted else None,
        )  # fmt: skip


def _busy() -> float:
    """Core-seconds that the machine has worked so far."""
    times = psutil.cpu_times()
    return float(times.user + times.system + times.nice + times.irq + times.softirq + times.steal)


def _number(pattern: str, output: str) -> float:
    found = re.search(pattern, output)
    return float(found[1]) if found else 0.0


def _percentile(percent: int, output: str) -> float:
    found = re.search(rf"\s{percent}%\s+([\d.]+)(us|ms|s|m)", output)
    return float(found[1]) * _UNITS[found[2]] if found else 0.0
