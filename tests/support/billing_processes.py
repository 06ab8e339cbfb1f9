"""billing-sync and the Stripe double as processes of a test."""

import base64
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
from nacl.public import PrivateKey
from tests.support.eventually import eventually

E = TypeVar("E")
CARD = {"email": "ada@example.test", "card_number": "4242424242424242", "expiry": "12/40", "cvc": "123"}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """`python -m <module> ...` with a log; a killed one may be started again."""

    def __init__(self, arguments: list[str], environment: dict[str, str], log: Path, ready_url: str) -> None:
        self._arguments = arguments
        self._environment = environment
        self._log = log
        self._ready_url = ready_url
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns at once; `ready` waits."""
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", *self._arguments]
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    async def ready(self) -> None:
        """Until it says so."""

        def is_ready() -> bool:
            try:
                return httpx.get(self._ready_url, timeout=2).status_code == 200
            except httpx.HTTPError:
                return False

        await eventually(is_ready, timeout_seconds=60, message=f"{self._ready_url}\n{self.log_text()[-3000:]}")

    def log_text(self) -> str:
        """What it printed."""
        return self._log.read_text() if self._log.exists() else ""

    def stop(self, number: int = signal.SIGTERM) -> None:
        """And wait for its end."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(20)
            self._process = None


@dataclass
class Processes:
    """One double and one billing-sync for a test file."""

    kafka: str
    prefix: str
    sealing_key: PrivateKey
    stripe_url: str
    webhook_url: str
    database_url: str
    double: Process
    service: Process


def make_processes(kafka: str, prefix: str, database_url: str, folder: Path) -> Processes:
    """Not started yet."""
    sealing = PrivateKey.generate()
    stripe_port, port, operations_port = free_port(), free_port(), free_port()
    stripe_url = f"http://127.0.0.1:{stripe_port}"
    environment = {
        **os.environ,
        "TOLLWAY_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "TOLLWAY_KAFKA_TOPIC_PREFIX": prefix,
        "TOLLWAY_DATABASE_URL": database_url,
        "TOLLWAY_PORT": str(port),
        "TOLLWAY_OPERATIONS_PORT": str(operations_port),
        "TOLLWAY_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TOLLWAY_STRIPE_API_BASE": stripe_url,
        "TOLLWAY_SEALING_PRIVATE_KEY": base64.b64encode(bytes(sealing)).decode(),
        "TOLLWAY_ENCRYPTION_KEY": base64.b64encode(os.urandom(32)).decode(),
        "TOLLWAY_SANDBOX": "true",
        "TOLLWAY_PUSH_INTERVAL_SECONDS": "0.2",
        "TOLLWAY_USAGE_BOUND_SECONDS": "30",
        "TOLLWAY_SUMMARY_BOUND_SECONDS": "30",
        "STRIPE_SUPPRESS_NOTICES": "true",
    }
    double_arguments = ["stripe_double", "--port", str(stripe_port), "--state", str(folder / "stripe.sqlite")]
    return Processes(
        kafka=kafka,
        prefix=prefix,
        sealing_key=sealing,
        stripe_url=stripe_url,
        webhook_url=f"http://127.0.0.1:{port}/webhooks/stripe",
        database_url=database_url,
        double=Process(double_arguments, dict(os.environ), folder / "double.log", f"{stripe_url}/readyz"),
        service=Process(
            ["billing_sync.main"],
            environment,
            folder / "service.log",
            f"http://127.0.0.1:{operations_port}/readyz",
        ),
    )
