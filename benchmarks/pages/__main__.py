"""Server time of every page, and call -> moved figure: `make bench-pages [REPORT=file]`.

A private stack, its portal filled by `seed`. Each page is asked for one at a time over HTTP with a session cookie, as a
browser does, in shuffled rounds. Then a page's event stream stays open while calls go through the gateway: from the
call's answer to the event that shows it. Measures, asserts nothing.
"""

import argparse
import json
import math
import os
import random
import re
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import Queue

import httpx
from benchmarks.gateway.summary import machine
from benchmarks.latency import published
from benchmarks.pages.addresses import console_pages, portal_pages
from benchmarks.pages.seed import Size, Whose, fill

from journey.addresses import Addresses
from journey.developer import generate
from journey.provider import WAIT
from journey.state import App, Journey
from local_stack.ports import LOOPBACK, Ports
from local_stack.stack import Stack

GOALS_MS = {"page p95": 200, "call to figure p99": 500}
_TOTAL = re.compile(r"Total Billed API Calls.*?<dd>([\d,]+)</dd>", re.DOTALL)


def arguments() -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscriptions", type=int, default=10_000)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--mine", type=int, default=20, help="subscriptions of the developer who looks")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--live-calls", type=int, default=100)
    parser.add_argument("--report", type=Path)
    return parser.parse_args()


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(len(ordered) * share))]


def signed_in(portal: str, email: str, password: str) -> httpx.Client:
    """A browser's cookies."""
    browser = httpx.Client(base_url=portal, timeout=60)
    browser.post("/sign-in", data={"email": email, "password": password, "next": "/"})
    return browser


def on_cpu_ms(pid: int) -> float:
    """What the process's event loop has run so far; nan where the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6
    except OSError:
        return math.nan


@dataclass
class Timing:
    """Of one page, in milliseconds: as its reader waits, and what portal-api's event loop works for it."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def measure_pages(pages: dict[str, tuple[httpx.Client, str]], rounds: int, pid: int) -> dict[str, Timing]:
    """The first round is not counted. A busy machine makes readers wait; the work stays the same."""
    found = {name: Timing() for name in pages}
    for number in range(rounds + 1):
        for name in random.sample(list(pages), len(pages)):
            browser, address = pages[name]
            began, worked = time.perf_counter(), on_cpu_ms(pid)
            answer = browser.get(address)
            took, worked = (time.perf_counter() - began) * 1000, on_cpu_ms(pid) - worked
            if answer.status_code != 200:
                raise SystemExit(f"{name}: {address} answered {answer.status_code}")
            if number:
                found[name].wall.append(took)
                found[name].cpu.append(worked)
    return found


def measure_live(browser: httpx.Client, journey: Journey, app: App, calls: int) -> list[float]:
    """Milliseconds from a call's answer to the event whose total has it."""
    seen: Queue[tuple[float, int]] = Queue()

    def listen() -> None:
        with browser.stream("GET", f"/portal/{journey.organization}/billing/live", timeout=None) as stream:
            event = ""
            for line in stream.iter_lines():
                event += line + "\n"
                if line:
                    continue
                total = _TOTAL.search(event)
                if total:
                    seen.put((time.perf_counter(), int(total.group(1).replace(",", ""))))
                event = ""

    threading.Thread(target=listen, daemon=True).start()
    total = seen.get(timeout=30)[1]
    found = []
    with httpx.Client(headers={"Authorization": f"Bearer {app.access_token}"}, timeout=30) as caller:
        for _ in range(calls):
            caller.get(f"{journey.api_url}/books").raise_for_status()
            answered = time.perf_counter()
            wanted = total + 1
            while total < wanted:
                at, total = seen.get(timeout=60)
            found.append((at - answered) * 1000)
    return found


def show(pages: dict[str, Timing], live: list[float]) -> None:
    """A line each."""
    print(f"{'page':<32} {'p50':>7} {'p95':>7} {'max':>7}  ms   {'CPU p50':>7} {'p95':>7}  ms")
    every = Timing([w for one in pages.values() for w in one.wall], [c for one in pages.values() for c in one.cpu])
    for name, one in [*pages.items(), ("all pages", every)]:
        wall = " ".join(f"{value:7.1f}" for value in (*(percentile(one.wall, s) for s in (0.5, 0.95)), max(one.wall)))
        print(f"{name:<32} {wall}       {percentile(one.cpu, 0.5):7.1f} {percentile(one.cpu, 0.95):7.1f}")
    print(
        f"call answered -> figure moved     p50 {percentile(live, 0.5):.0f}  p95 {percentile(live, 0.95):.0f}"
        f"  p99 {percentile(live, 0.99):.0f}  max {max(live):.0f} ms"
    )


def run(stack: Stack, chosen: argparse.Namespace) -> None:
    """Fill, measure, tell."""
    addresses = Addresses(
        portal=stack.url("portal"),
        gateway=stack.url("gateway"),
        stripe=stack.url("stripe"),
        upstream=stack.url("reading_list"),
        mailbox=stack.url("mailbox"),
        kafka=stack.kafka_bootstrap,
        topic_prefix="",
    )
    journey = published(addresses)
    client = journey.developer.client
    app = App(client.post(f"/v1/portal/{journey.organization}/applications", {"name": "Live App"})["id"])
    body = {"api_id": journey.api_id, "plan_id": journey.plan_id}
    subscription = client.post(f"/v1/applications/{app.application_id}/subscriptions", body, headers=WAIT)
    generate(journey, app)
    developer = client.get("/v1/users/me")["id"]
    size = Size(chosen.subscriptions, chosen.calls, chosen.mine)
    whose = Whose(
        journey.organization_id, developer, journey.api_id, journey.plan_id, subscription["plan_version_number"]
    )
    rows = fill(stack.database_url("portal_api"), whose, size)
    print(f"{machine()}; load {os.getloadavg()[0]:.1f}; rows: {rows}", flush=True)
    pid = next(record.pid or 0 for record in stack.status() if record.name == "portal-api")
    browser = signed_in(addresses.portal, journey.developer.email, journey.developer.password)
    provider = signed_in(addresses.portal, journey.provider.email, journey.provider.password)
    console = console_pages(journey.organization, journey.project_id, journey.api_id, journey.plan_id)
    asked = {name: (browser, at) for name, at in portal_pages(journey.organization, journey.api_id).items()}
    asked |= {name: (provider, at) for name, at in console.items()}
    pages = measure_pages(asked, chosen.rounds, pid)
    live = measure_live(browser, journey, app, chosen.live_calls)
    show(pages, live)
    if chosen.report:
        report = {
            "machine": machine(), "load": os.getloadavg()[0], "size": asdict(size), "rows": rows, "goals_ms": GOALS_MS,
            "pages_ms": {n: {f"p{s}": percentile(t.wall, s / 100) for s in (50, 95)} for n, t in pages.items()},
            "pages_cpu_ms": {n: {f"p{s}": percentile(t.cpu, s / 100) for s in (50, 95)} for n, t in pages.items()},
            "call_to_figure_ms": {f"p{s}": percentile(live, s / 100) for s in (50, 95, 99)},
        }  # fmt: skip
        chosen.report.write_text(json.dumps(report, indent=1))


def main() -> int:
    """Command line."""
    chosen = arguments()
    with tempfile.TemporaryDirectory(prefix="tollway-bench-", ignore_cleanup_errors=True) as folder:
        ports = Ports.free()
        allowed = {"portal-api": {"TOLLWAY_ALLOWED_PRIVATE_ADDRESSES": f"{LOOPBACK}:{ports.reading_list}"}}
        with Stack(Path(folder), ports, overrides=allowed, supervise=False) as stack:
            run(stack, chosen)
    return 0


sys.exit(main())
