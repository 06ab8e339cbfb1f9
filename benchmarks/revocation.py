"""From the request that cancels a subscription to the first 403 at every gateway worker, under load.

Against a stack that is up: `make bench-revocation` (ARGS="--rounds 20 --rate 500" and others). A gateway of its own,
with as many workers as asked for, joins the stack; 100,000 access entries of nobody are loaded beside the real ones,
and wrk keeps calls flowing on another subscription. Behind the gateway is nginx with one small answer where the stack
allows that (`make bench-revocation` asks for it when it starts the stack): a sample API in Python would take a quarter
of a core from what is measured. Applications are subscribed before, some at a time: what a subscription sets off in
all services is not what is measured. Each round sees the calls of one pass at every worker, cancels its subscription,
and asks every worker, on a connection of its own, until it refuses; the next begins when the aftermath of a
cancellation (invoice, mail, Stripe) is over, `--pause` seconds later. Printed: milliseconds at the first and at the
last worker, and the rate of calls that was reached. Target: p99 below 100 ms. The entries are removed at the end.
"""

import argparse
import asyncio
import http.client
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from aiokafka import AIOKafkaProducer
from benchmarks import tables
from benchmarks.latency import published, show
from benchmarks.light_upstream import light_upstream

from journey.addresses import Addresses
from journey.developer import generate
from journey.expect import StepFailed, wait_for
from journey.provider import WAIT
from journey.report import machine
from journey.state import App, Journey
from shared.events.envelope import encode
from shared.events.topics import SUBSCRIPTIONS_ACCESS

# An observer that asks without a pause takes a core from what it observes. Figures are up to this too high.
POLL_SECONDS = 0.004
AT_A_TIME = 50  # subscribed ahead; a developer has at most 100 applications in a portal
SETTLE_SECONDS = 3.0  # after they were
REFUSED_WITHIN_SECONDS = 60.0
_REQUEST_ID_PREFIX = 16  # hexadecimal digits that name the worker's stream


def free_port() -> int:
    """For the gateway."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def publish(addresses: Addresses, count: int, *, gone: bool) -> None:
    """Entries of nobody, or their end."""
    producer = AIOKafkaProducer(bootstrap_servers=addresses.kafka, linger_ms=20, max_batch_size=512 << 10)
    await producer.start()
    try:
        for number in range(count):
            key, state = tables.entry(number, 10_000)
            value = None if gone else encode(state)
            await producer.send(addresses.topic_prefix + SUBSCRIPTIONS_ACCESS.name, value=value, key=key.encode())
    finally:
        await producer.stop()


@contextmanager
def gateway(addresses: Addresses, workers: int) -> Iterator[str]:
    """A gateway that joins the stack; its address."""
    port, operations = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="tollway-revocation-") as folder:
        environment = os.environ | {
            "TOLLWAY_KAFKA_BOOTSTRAP_SERVERS": addresses.kafka,
            "TOLLWAY_KAFKA_TOPIC_PREFIX": addresses.topic_prefix,
            "TOLLWAY_SANDBOX": "true",
            "TOLLWAY_ISSUER": addresses.portal,
            "TOLLWAY_PORTAL_URL": addresses.portal,
            "TOLLWAY_ALLOWED_PRIVATE_ADDRESSES": "127.0.0.0/8",
            "TOLLWAY_WAL_DIRECTORY": folder,
            "TOLLWAY_PORT": str(port),
            "TOLLWAY_OPERATIONS_PORT": str(operations),
            "TOLLWAY_GATEWAY_WORKERS": str(workers),
            "TOLLWAY_LOG_LEVEL": "WARNING",
        }
        with subprocess.Popen([sys.executable, "-m", "gateway.main"], env=environment) as process:
            try:
                wait_for("the gateway", lambda: _is_ready(operations), seconds=300, pause_seconds=0.2)
                yield f"http://127.0.0.1:{port}"
            finally:
                process.terminate()
                process.wait(60)


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False


class Caller:
    """One kept connection, so one worker."""

    def __init__(self, address: str, path: str, token: str) -> None:
        parts = urlsplit(address)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        self._path = path
        self._headers = {"Authorization": f"Bearer {token}"}

    def call(self) -> tuple[int, str]:
        """Status, and the worker that answered."""
        self._connection.request("GET", self._path, headers=self._headers)
        response = self._connection.getresponse()
        response.read()
        return response.status, (response.getheader("X-Request-Id") or "")[:_REQUEST_ID_PREFIX]


def callers_of_every_worker(address: str, path: str, token: str, workers: int) -> list[Caller]:
    """Connections are spread by the kernel: open some until each worker has one."""
    found: dict[str, Caller] = {}
    for _ in range(200 * workers):
        caller = Caller(address, path, token)
        status, worker = caller.call()
        if status == 200:
            found.setdefault(worker, caller)
        if len(found) == workers:
            return list(found.values())
    raise SystemExit(f"only {len(found)} of {workers} workers were met")


def subscribed(journey: Journey) -> tuple[App, str]:
    """A new application with a subscription and a token."""
    client = journey.developer.client
    app = App(
        client.post(f"/v1/portal/{journey.organization}/applications", {"name": f"App {secrets.token_hex(4)}"})["id"]
    )
    body = {"api_id": journey.api_id, "plan_id": journey.plan_id}
    subscription = client.post(f"/v1/applications/{app.application_id}/subscriptions", body, headers=WAIT)
    generate(journey, app)
    return app, str(subscription["id"])


def one_round(
    journey: Journey, app: App, subscription_id: str, address: str, path: str, workers: int
) -> tuple[float, float]:
    """Milliseconds from the cancel request to the first refusal at the first and at the last worker."""
    waiting = callers_of_every_worker(address, path, app.access_token, workers)
    started = time.perf_counter()
    journey.developer.client.post(f"/v1/subscriptions/{subscription_id}/cancel", {"when": "now"})
    seen: list[float] = []

    def all_refuse() -> bool:
        for caller in list(waiting):
            if caller.call()[0] == 403:
                seen.append((time.perf_counter() - started) * 1000)
                waiting.remove(caller)
        return not waiting

    wait_for("a refusal", all_refuse, seconds=REFUSED_WITHIN_SECONDS, pause_seconds=POLL_SECONDS)
    return seen[0], seen[-1]


def all_rounds(journey: Journey, arguments: argparse.Namespace, address: str, path: str) -> list[tuple[float, float]]:
    """As many as asked for."""
    results: list[tuple[float, float]] = []
    while len(results) < arguments.rounds:
        ahead = [subscribed(journey) for _ in range(min(AT_A_TIME, arguments.rounds - len(results)))]
        time.sleep(SETTLE_SECONDS)
        for app, subscription_id in ahead:
            results.append(one_round(journey, app, subscription_id, address, path, arguments.workers))
            time.sleep(arguments.pause)
        for app, _ in ahead:
            journey.developer.client.call("DELETE", f"/v1/applications/{app.application_id}", expect=(202, 204))
    return results


@contextmanager
def load(address: str, path: str, token: str, rate: int, folder: Path) -> Iterator[list[str]]:
    """Calls at about `rate` a second by wrk until the end; its last words are added to what is yielded."""
    script = folder / "load.lua"
    connections = 64
    pause_ms = max(1, 2 * 1000 * connections // rate)
    script.write_text(
        f'wrk.headers["Authorization"] = "Bearer {token}"\nfunction delay() return math.random(0, {pause_ms}) end\n'
    )
    command = ["wrk", "-t1", f"-c{connections}", "-d600s", "-s", str(script), address + path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        words: list[str] = []
        try:
            yield words
        finally:
            process.send_signal(2)
            words += process.communicate(timeout=30)[0].splitlines()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two cancellations")
    arguments = parser.parse_args()
    addresses = Addresses.from_environment()
    with light_upstream(addresses.upstream) as upstream:
        measure(arguments, addresses, _published(addresses, upstream))


def _published(addresses: Addresses, upstream: str | None) -> Journey:
    if upstream is not None:
        try:
            return published(replace(addresses, upstream=upstream))
        except StepFailed as refused:
            if "address-not-allowed" not in str(refused):
                raise
    print("Upstream: the sample API (no nginx, or a stack that was up before and does not allow its address).")
    return published(addresses)


def measure(arguments: argparse.Namespace, addresses: Addresses, journey: Journey) -> None:
    """All rounds, and what came of them."""
    path = urlsplit(journey.api_url).path + "/books"
    asyncio.run(publish(addresses, arguments.entries, gone=False))
    try:
        with gateway(addresses, arguments.workers) as address, tempfile.TemporaryDirectory() as folder:
            flowing, _ = subscribed(journey)
            callers_of_every_worker(address, path, flowing.access_token, arguments.workers)
            with load(address, path, flowing.access_token, arguments.rate, Path(folder)) as words:
                results = all_rounds(journey, arguments, address, path)
    finally:
        asyncio.run(publish(addresses, arguments.entries, gone=True))
    reached = re.search(r"Requests/sec:\s+([\d.]+)", "\n".join(words))
    print(f"{arguments.rounds} rounds, {arguments.workers} workers, {arguments.entries} entries, on {machine()}")
    print(f"load {os.getloadavg()[0]:.1f}; calls flowing: {reached[1] if reached else '?'} a second")
    show("cancel asked -> first worker refuses", [first for first, _ in results])
    show("cancel asked -> every worker refuses", [last for _, last in results])


if __name__ == "__main__":
    main()
