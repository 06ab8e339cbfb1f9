"""From runs to ratios, tables and the JSON report."""

import json
import os
import platform
import statistics
import subprocess
import sysconfig
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.gateway.measurement import Run

# What the issue asks for: (ratio, kind of run, at most).
TARGETS = {
    "compiled/nginx": ("warm", 1.0),
    "pure/nginx": ("warm", 1.4),
    "compiled/envoy_equal": ("warm", 0.33),
    "compiled_cold/envoy_cold": ("cold", 1.0),
}
_NAMES = {"envoy_cold": "envoy_equal", "compiled_cold": "compiled"}


def machine() -> dict[str, object]:
    """Where the figures come from."""
    model = "unknown"
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    flags = sysconfig.get_config_var("CONFIG_ARGS") or ""
    return {
        "cpus": os.cpu_count(),
        "model": model,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "python_optimised_by_profile": "--enable-optimizations" in flags,
    }


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) < 2:
        return (values[0],) * 3
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def ratio_of(runs: Sequence[Run], above: str, below: str, kind: str) -> tuple[float, float, float] | None:
    """Quartiles of CPU per call of one over the other, round by round: rounds are close in time."""
    by_round: dict[int, dict[str, list[float]]] = {}
    for run in runs:
        if run.kind == kind:
            by_round.setdefault(run.round, {}).setdefault(run.name, []).append(run.cpu_us)
    ratios = [
        statistics.mean(names[above]) / statistics.mean(names[below])
        for names in by_round.values()
        if above in names and below in names
    ]
    return _quartiles(ratios) if ratios else None


def ratios(runs: Sequence[Run]) -> dict[str, tuple[float, float, float]]:
    """Every ratio of the issue that was measured: first quartile, median, third quartile."""
    found = {}
    for name, (kind, _) in TARGETS.items():
        above, _, below = name.partition("/")
        quartiles = ratio_of(runs, _NAMES.get(above, above), _NAMES.get(below, below), kind)
        if quartiles is not None:
            found[name] = quartiles
    return found


def print_runs(runs: Sequence[Run], title: str, kind: str) -> None:
    """Medians per proxy; the first and third quartile of the CPU time show the spread."""
    print(f"\n{title}")
    print(
        f"  {'':<14}{'CPU us/call':>12}{'(quartiles)':>16}{'user':>7}{'kernel':>8}{'calls/s':>9}"
        f"{'p50 ms':>8}{'p99 ms':>8}{'RSS MB':>8}{'private':>9}{'k instr. u/k':>15}{'failed':>8}"
    )
    for name in dict.fromkeys(run.name for run in runs if run.kind == kind):
        own = [run for run in runs if run.kind == kind and run.name == name]

        def middle(field: str, own: list[Run] = own) -> float:
            return statistics.median(getattr(run, field) for run in own)

        low, cpu, high = _quartiles([run.cpu_us for run in own])
        counted = own[0].user_instructions is not None
        thousands = "-"
        if counted:
            thousands = f"{middle('user_instructions') / 1e3:.1f}/{middle('kernel_instructions') / 1e3:.1f}"
        spread = f"({low:.1f} to {high:.1f})"
        print(
            f"  {name:<14}{cpu:>12.1f}{spread:>16}{middle('user_us'):>7.1f}{middle('system_us'):>8.1f}"
            f"{middle('calls_per_second'):>9.0f}{middle('p50_ms'):>8.2f}{middle('p99_ms'):>8.2f}"
            f"{middle('rss_mb'):>8.0f}{middle('private_mb'):>9.0f}{thousands:>15}{sum(run.failed for run in own):>8}"
        )


def print_ratios(runs: Sequence[Run]) -> None:
    """Each target, and whether it is met."""
    print("\nRatios of CPU time per call (median of rounds, quartiles)")
    found = ratios(runs)
    for name, (_, most) in TARGETS.items():
        if name not in found:
            print(f"  {name:<28} not measured")
            continue
        low, middle, high = found[name]
        print(f"  {name:<28}{middle:>6.2f}  ({low:.2f} to {high:.2f})  target {most:.2f}: {_verdict(middle, most)}")
    paced = [run for run in runs if run.kind == "paced"]
    by_name = {
        name: statistics.median(run.p99_ms for run in paced if run.name == name) for name in {run.name for run in paced}
    }
    for name in ("compiled", "pure"):
        if name in by_name and "nginx" in by_name:
            over = by_name[name] - by_name["nginx"]
            print(f"  p99 of {name} over nginx's {over:>9.2f} ms at the fixed rate, target 0.50: {_verdict(over, 0.5)}")


def _verdict(value: float, most: float) -> str:
    return "met" if round(value, 2) <= most else "MISSED"


def print_prices(prices: dict[str, dict[str, float]]) -> None:
    """Steps in rows, forms in columns."""
    print("\nWhat each step costs in the process, without sockets (us a call, best of many batches)")
    print(f"  {'':<36}" + "".join(f"{form:>10}" for form in prices))
    for step in next(iter(prices.values())):
        print(f"  {step:<36}" + "".join(f"{steps[step]:>10.2f}" for steps in prices.values()))


def write_report(path: Path, runs: Sequence[Run], extra: dict[str, object]) -> None:
    """`ratios` (medians), `spread`, `machine`, `runs`."""
    found = ratios(runs)
    document = {
        "version": 1,
        "ratios": {name: round(quartiles[1], 3) for name, quartiles in found.items()},
        "spread": {name: [round(low, 3), round(high, 3)] for name, (low, _, high) in found.items()},
        "targets": {name: most for name, (_, most) in TARGETS.items()},
        "machine": machine(),
        "commit": _commit(),
        **extra,
        "runs": [asdict(run) for run in runs],
    }
    path.write_text(json.dumps(document, indent=1) + "\n")


def _commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return done.stdout.strip()
