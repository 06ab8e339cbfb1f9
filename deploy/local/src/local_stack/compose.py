"""The stack of docker-compose.yml, driven from here: `make demo-compose`, and the tests of `make test-compose`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from local_stack.errors import StackError
from local_stack.ports import LOOPBACK, Ports, require_free
from local_stack.state import repository_root

OLDEST_COMPOSE = (2, 24)
ENGINE_ANSWERS_WITHIN_SECONDS = 20
# Published nowhere: the broker's controller port stays inside its container.
UNPUBLISHED = {"kafka_controller"}
COMPONENTS = {"kafka": "container apache/kafka:4.3.1", "postgresql": "container postgres:17"}


@dataclass(frozen=True, slots=True)
class ComposeStack:
    """One project of docker compose; two with different names and ports run side by side."""

    ports: Ports
    project: str = "tollway"

    @classmethod
    def at_offset(cls, ports: Ports) -> ComposeStack:
        """The usual project, or one of its own when the ports were moved."""
        moved = ports.portal - Ports().portal
        return cls(ports, f"tollway-{moved}" if moved else "tollway")

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """What docker compose needs to publish everything on this stack's ports."""
        published = {name: port for name, port in asdict(self.ports).items() if name not in UNPUBLISHED}
        moved = {f"TOLLWAY_{name.upper()}_PORT": str(port) for name, port in published.items()}
        return {**inherited, **moved}

    def journey_settings(self) -> dict[str, str]:
        """Where sandbox/journey finds this stack. Contracts are fetched by a container, so by a container's name."""
        return {
            "TOLLWAY_DEMO_PORTAL_URL": f"http://{LOOPBACK}:{self.ports.portal}",
            "TOLLWAY_DEMO_GATEWAY_URL": f"http://{LOOPBACK}:{self.ports.gateway}",
            "TOLLWAY_DEMO_STRIPE_URL": f"http://{LOOPBACK}:{self.ports.stripe}",
            "TOLLWAY_DEMO_MAILBOX_URL": f"http://{LOOPBACK}:{self.ports.mailbox}",
            "TOLLWAY_DEMO_UPSTREAM_URL": "http://reading-list:8500",
            "TOLLWAY_DEMO_COMPONENTS": json.dumps(COMPONENTS),
            "TOLLWAY_KAFKA_BOOTSTRAP_SERVERS": f"{LOOPBACK}:{self.ports.kafka}",
            "TOLLWAY_KAFKA_TOPIC_PREFIX": "",
        }

    def run(
        self, *arguments: str, capture: bool = False, folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`docker compose <arguments>` on this project."""
        command = ["docker", "compose", "--project-name", self.project, *arguments]
        where = folder or repository_root()
        return subprocess.run(
            command, cwd=where, env=self.environment(os.environ), text=True, capture_output=capture, check=False
        )

    def is_up(self) -> bool:
        """Whether one of its containers runs."""
        return bool(self.run("ps", "--quiet", capture=True).stdout.strip())

    def up(self) -> None:
        """Build what changed, start everything, return when all of it is healthy."""
        if not self.is_up():
            published = {name: port for name, port in asdict(self.ports).items() if name not in UNPUBLISHED}
            require_free(published)
        if self.run("up", "--build", "--wait").returncode != 0:
            tool = f"docker compose -p {self.project}"
            raise StackError(
                f"The containers did not all become healthy (above): `{tool} ps -a` shows which, "
                f"`{tool} logs <name>` why; then run the command again."
            )

    def down(self, *, data_too: bool = False) -> None:
        """Stop and remove the containers; the volumes stay unless asked."""
        self.run("down", *(["--volumes"] if data_too else []), capture=True)


def why_not() -> str | None:
    """None when an engine answers and its compose is new enough, else what is missing and the cure."""
    try:
        version = _output("docker", "compose", "version", "--short")
    except FileNotFoundError:
        return "Docker is not installed: install it with its compose plugin, or use `make demo`, which needs none."
    if version is None:
        return "docker has no compose plugin: install it (`docker compose version` must answer), or use `make demo`."
    numbers = tuple(int(part) for part in version.lstrip("v").split(".")[:2])
    if numbers < OLDEST_COMPOSE:
        return f"docker compose is {version}: version {'.'.join(map(str, OLDEST_COMPOSE))} or later is needed."
    if _output("docker", "info", "--format", "{{.ServerVersion}}") is None:
        return "No Docker engine answers: start Docker (and see that `docker info` works for you), or use `make demo`."
    return None


def _output(*command: str) -> str | None:
    """What it prints, or None when it fails or hangs."""
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=ENGINE_ANSWERS_WITHIN_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return answer.stdout.strip() if answer.returncode == 0 and answer.stdout.strip() else None


def demo(ports: Ports, arguments: list[str]) -> int:
    """Bring the containers up and become the journey; leaves them running."""
    if (missing := why_not()) is not None:
        raise StackError(missing)
    stack, began = ComposeStack.at_offset(ports), time.monotonic()
    stack.up()
    print(f"All containers are healthy after {time.monotonic() - began:.1f} s. "
          f"Stop them with: docker compose -p {stack.project} down\n")  # fmt: skip
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "journey", *arguments], os.environ | stack.journey_settings())
