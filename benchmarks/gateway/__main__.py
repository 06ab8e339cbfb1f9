"""Gateway, nginx and Envoy side by side: `make bench-gateway [REPORT=file]`.

Each proxy has one core to itself, load and upstream share another; within a round every proxy runs once, in shuffled
order, so that a machine that slows down slows all of them. CPU time per call is the figure: calls/s are capped by the
load's core for the fast ones.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.gateway import summary
from benchmarks.gateway.measurement import Bench, Run
from benchmarks.gateway.prerequisites import Missing, Programs, find_programs
from benchmarks.gateway.processes import Field, Proxy
from benchmarks.gateway.traffic import Traffic
from benchmarks.gateway.world import World

import gateway

CONNECTIONS = 32
PACED_CONNECTIONS = 16


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3, help="of one run")
    parser.add_argument("--rate", type=int, default=1_500, help="calls per second of the runs at a fixed rate")
    parser.add_argument("--cold-tokens", type=int, default=40_000, help="never seen tokens of one run")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only", default="warm,cold,paced", help="kinds of run, separated by commas")
    parser.add_argument("--report", type=Path)
    return parser.parse_args()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Comparison:
    """The rounds of each kind."""

    def __init__(self, field: Field, bench: Bench, traffic: Traffic, arguments: argparse.Namespace) -> None:
        self._field, self._bench, self._traffic, self._arguments = field, bench, traffic, arguments
        self.runs: list[Run] = []

    def _round(self, proxies: list[Proxy], kind: str, script: Path, number: int, connections: int) -> None:
        for proxy in random.sample(proxies, len(proxies)):
            run = self._bench.run(
                proxy, kind, script, connections=connections, seconds=self._arguments.seconds, number=number
            )
            self.runs.append(run)
            _say(
                f"  {kind} {number} {run.name:<12} {run.cpu_us:6.1f} us/call {run.calls_per_second:7.0f}/s"
                f" p99 {run.p99_ms:6.2f} ms, others took {run.other_cores:.1f} cores"
            )

    def warm(self, proxies: list[Proxy]) -> None:
        """As fast as 32 connections go, tokens that repeat."""
        script = self._traffic.warm()
        for number in range(self._arguments.rounds):
            self._round(proxies, "warm", script, number, CONNECTIONS)

    def paced(self, proxies: list[Proxy]) -> None:
        """At a fixed rate: latency."""
        script = self._traffic.paced(PACED_CONNECTIONS, self._arguments.rate)
        for number in range(max(3, self._arguments.rounds - 2)):
            self._round(proxies, "paced", script, number, PACED_CONNECTIONS)

    def cold(self, proxies: list[Proxy]) -> None:
        """Every call another token."""
        for number in range(max(3, self._arguments.rounds - 2)):
            script = self._traffic.cold(self._arguments.cold_tokens)
            self._round(proxies, "cold", script, number, CONNECTIONS)
            if any(run.calls > self._arguments.cold_tokens for run in self.runs if run.kind == "cold"):
                _say("  tokens ran out in a run: raise --cold-tokens, or the figures hold cached tokens")


def _prices() -> dict[str, dict[str, float]]:
    """What each step of a call costs, by form."""
    found = {}
    for environment in ({}, {"TOLLWAY_PURE_PYTHON": "1"}):
        command = [sys.executable, "-m", "benchmarks.gateway.features"]
        done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
        price = json.loads(done.stdout)
        found[price["form"]] = price["steps"]
    return found


def _compare(programs: Programs, folder: Path, arguments: argparse.Namespace) -> list[Run]:
    world = World()
    with Field(folder, programs, world, workers=arguments.workers) as field:
        _say("Starting upstream, Kafka, nginx, Envoy and the gateway ...")
        field.start_upstream()
        field.start_kafka()
        nginx, envoy = field.start_nginx(), field.start_envoy()
        ours = [field.start_gateway("pure", {"TOLLWAY_PURE_PYTHON": "1"})]
        if gateway.FORM == "compiled":
            ours.append(field.start_gateway("compiled"))
        else:
            _say("The gateway is not compiled here (`make compile` says why): only its pure form is measured.")
        comparison = Comparison(field, Bench(programs, field.cores), Traffic(folder, world), arguments)
        kinds = arguments.only.split(",")
        if "warm" in kinds:
            comparison.warm([nginx, envoy, *ours])
        if "paced" in kinds:
            comparison.paced([nginx, envoy, *ours])
        if "cold" in kinds:
            comparison.cold([envoy, *ours])
        return comparison.runs


def main() -> None:
    """Command line."""
    arguments = _arguments()
    try:
        programs = find_programs()
    except Missing as missing:
        sys.exit(str(missing))
    with tempfile.TemporaryDirectory(prefix="bench-gateway-") as folder:
        runs = _compare(programs, Path(folder), arguments)
    where = summary.machine()
    print(f"\n{where['cpus']} x {where['model']}, {where['system']}, Python {where['python']}", end="")
    print("" if where["python_optimised_by_profile"] else " (built without profile-guided optimisation)")
    if programs.without_perf:
        print(f"Instructions per call: not counted, {programs.without_perf}.")
    summary.print_runs(runs, f"As fast as {CONNECTIONS} connections go, 64 tokens that repeat", "warm")
    summary.print_runs(runs, f"At {arguments.rate} calls/s", "paced")
    summary.print_runs(runs, "Every call another token", "cold")
    summary.print_ratios(runs)
    prices = _prices()
    summary.print_prices(prices)
    if arguments.report:
        summary.write_report(arguments.report, runs, {"workers": arguments.workers, "steps_us": prices})


if __name__ == "__main__":
    main()
