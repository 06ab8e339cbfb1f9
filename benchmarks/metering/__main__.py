"""Metering beside consumers of one JSON event a call: `make bench-metering [REPORT=file]`.

All three read a real, durable Kafka and count the same calls exactly once into windows of the same key in a real,
durable PostgreSQL. Within a round each runs once, in shuffled order, so that a machine that slows down slows all.
CPU time per call is the figure; each runs long enough for it, so the slow ones get fewer calls.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.gateway.summary import machine
from benchmarks.metering.measurement import Bench, Load, Run

from local_stack import postgres
from local_stack.ports import Ports
from local_stack.stack import Stack

FORMS = {
    "metering": "binary batches, summed by numpy (the product's process)",
    "batched": "a JSON event a call, summed in Python, two statements a poll",
    "per-event": "a JSON event a call, insert and upsert each",
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=2_000_000, help="for metering")
    parser.add_argument("--batched-calls", type=int, default=100_000)
    parser.add_argument("--per-event-calls", type=int, default=20_000)
    parser.add_argument("--subscriptions", type=int, default=1_000)
    parser.add_argument("--per-record", type=int, default=500, help="calls of one Kafka record")
    parser.add_argument("--repeat-every", type=int, default=20, help="every n-th record comes twice; 0: none")
    parser.add_argument("--report", type=Path)
    return parser.parse_args()


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """First, median, third."""
    if len(values) < 2:
        return (values[0],) * 3
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def ratios(runs: Sequence[Run]) -> dict[str, tuple[float, float, float]]:
    """Calls per CPU second of metering over each rival's, round by round; with PostgreSQL's share and without."""
    found = {}
    for rival in ("batched", "per-event"):
        for suffix, figure in (
            ("", Run.calls_per_cpu_second),
            ("_with_postgres", Run.calls_per_cpu_second_with_postgres),
        ):
            rounds: dict[int, dict[str, float]] = {}
            for run in runs:
                rounds.setdefault(run.round, {})[run.name] = figure.fget(run)  # type: ignore[attr-defined]
            found[f"metering/{rival}{suffix}"] = quartiles([both["metering"] / both[rival] for both in rounds.values()])
    return found


def show(runs: Sequence[Run]) -> None:
    """A line for each, then the ratios."""
    print(
        f"\n{'':<11}{'calls per CPU second':>21}{'(quartiles)':>22}{'with PostgreSQL':>17}"
        f"{'calls/s wall':>14}{'windows':>9}"
    )
    for name, form in FORMS.items():
        mine = [run for run in runs if run.name == name]
        low, middle, high = quartiles([run.calls_per_cpu_second for run in mine])
        whole = statistics.median(run.calls_per_cpu_second_with_postgres for run in mine)
        wall = statistics.median(run.calls / run.wall_seconds for run in mine)
        spread = f"({low:,.0f} to {high:,.0f})"
        windows = statistics.median(run.windows for run in mine)
        print(f"{name:<11}{middle:>21,.0f}{spread:>22}{whole:>17,.0f}{wall:>14,.0f}{windows:>9,.0f}  {form}")
    print()
    for name, (low, middle, high) in ratios(runs).items():
        print(f"{name:<36}{middle:>8.1f}  ({low:.1f} to {high:.1f})")


async def rounds(bench: Bench, arguments: argparse.Namespace) -> list[Run]:
    """Interleaved."""
    runs: list[Run] = []
    for number in range(1, arguments.rounds + 1):
        for name in random.sample(list(FORMS), len(FORMS)):
            if name == "metering":
                run = await bench.metering(number, arguments.calls)
            else:
                calls = arguments.batched_calls if name == "batched" else arguments.per_event_calls
                run = await bench.rival(name, number, calls)
            runs.append(run)
            print(
                f"  {number} {name:<10} {run.calls:>9,} calls and {run.repeated:,} repeats in"
                f" {run.wall_seconds:6.2f} s, CPU {run.consumer_cpu_seconds:6.2f} s"
                f" and PostgreSQL {run.postgres_cpu_seconds:6.2f} s",
                file=sys.stderr, flush=True,
            )  # fmt: skip
    return runs


def main() -> None:
    """Command line."""
    arguments = _arguments()
    load = Load(arguments.subscriptions, arguments.per_record, arguments.repeat_every)
    with (
        tempfile.TemporaryDirectory(prefix="tollway-bench-", ignore_cleanup_errors=True) as folder,
        Stack(Path(folder), Ports.free(), processes=(), supervise=False) as stack,
    ):
        runs = asyncio.run(rounds(Bench(stack, load), arguments))
    show(runs)
    if arguments.report:
        document = {
            "version": 1,
            "machine": machine(),
            "components": {"kafka": "native 4.3.1", "postgresql": f"native {postgres.version()}"},
            "load": asdict(load),
            "ratios": {
                name: dict(zip(("q1", "median", "q3"), values, strict=True)) for name, values in ratios(runs).items()
            },
            "runs": [
                {**asdict(run), "calls_per_cpu_second": round(run.calls_per_cpu_second),
                 "calls_per_cpu_second_with_postgres": round(run.calls_per_cpu_second_with_postgres)}
                for run in runs
            ],
        }  # fmt: skip
        arguments.report.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
