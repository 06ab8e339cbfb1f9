"""docker-compose.yml from build to teardown, under a project name and ports of its own (`make test-compose`)."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from journey.client import Client
from journey.expect import wait_for
from local_stack import compose
from local_stack.compose import ComposeStack
from local_stack.ports import Ports
from local_stack.processes import SERVICES, STAND_INS

CONTAINERS = [process.name for process in (*SERVICES, *STAND_INS)]
CALLS_WITHOUT_KAFKA = 20
# Prints who it runs as, what it could write, and which tools of a builder it finds.
LOOK_INSIDE = """
import json, os, shutil
def writable(folder):
    try:
        open(os.path.join(folder, "probe"), "w").close()
    except OSError:
        return False
    return True
print(json.dumps({
    "uid": os.getuid(),
    "writable": [folder for folder in ("/", "/app", "/usr/local", "/etc", "/var") if writable(folder)],
    "tools": [tool for tool in ("gcc", "cc", "ld", "make", "pip", "pip3", "uv") if shutil.which(tool)],
}))
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[ComposeStack]:
    """Everything healthy; gone afterwards, volumes too."""
    if (missing := compose.why_not()) is not None:
        pytest.skip(missing)
    stack = ComposeStack(Ports.free(), project=f"tollway-test-{secrets.token_hex(3)}")
    try:
        stack.up()
        yield stack
    finally:
        stack.down(data_too=True)


@pytest.fixture(scope="module")
def report(stack: ComposeStack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The journey's own report; a step that differs fails every test here."""
    path = tmp_path_factory.mktemp("compose") / "report.json"
    command = [sys.executable, "-m", "journey", "--report", str(path)]
    done = subprocess.run(
        command, env=os.environ | stack.journey_settings(), capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(path.read_text()))


def test_the_journey_passes(report: dict[str, Any]) -> None:
    assert [step["number"] for step in report["steps"]] == [*map(str, range(1, 11)), "V1", "V2", "V3"]
    assert all(step["ok"] for step in report["steps"])
    assert report["invoice"]["amount_minor"] == report["invoice"]["calls"] * 2
    assert report["components"] == compose.COMPONENTS


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_has_no_privileges_and_no_tools(stack: ComposeStack, name: str) -> None:
    seen = json.loads(stack.run("exec", "-T", name, "python", "-c", LOOK_INSIDE, capture=True).stdout)
    assert seen == {"uid": 10001, "writable": [], "tools": []}


def test_images_hold_one_service_each(stack: ComposeStack) -> None:
    for service in SERVICES:
        listed = stack.run("exec", "-T", service.name, "python", "-c", "import os; print(os.listdir('/app/services'))",
                           capture=True)  # fmt: skip
        assert listed.stdout.strip() == str([service.name])


def calls_counted(stack: ComposeStack, report: dict[str, Any]) -> int:
    """All calls in the usage summary of the developer, whatever the subscription."""
    developer = report["credentials"]["developer"]
    organization = Path(report["urls"]["portal"]).name
    client = Client(f"http://127.0.0.1:{stack.ports.portal}", developer["token"])
    summary = client.get(f"/v1/portal/{organization}/billing/usage-summary")
    return sum(int(entry["calls"]) for entry in summary["subscriptions"])


def test_data_and_calls_that_kafka_never_saw_outlive_down_and_up(stack: ComposeStack, report: dict[str, Any]) -> None:
    """The gateway answers while Kafka is away; then every container is removed; then the calls are counted, once."""
    before = calls_counted(stack, report)
    headers = {"Authorization": f"Bearer {report['credentials']['access_token']}"}
    stack.run("kill", "kafka", capture=True)
    with httpx.Client(headers=headers, timeout=30) as client:
        statuses = [client.get(f"{report['urls']['api']}/books").status_code for _ in range(CALLS_WITHOUT_KAFKA)]
    assert statuses == [200] * CALLS_WITHOUT_KAFKA
    stack.down()
    assert not stack.is_up()
    stack.up()
    expected = before + CALLS_WITHOUT_KAFKA
    wait_for(f"{expected} calls counted", lambda: calls_counted(stack, report) == expected, seconds=120)
    answer = httpx.get(f"{report['urls']['api']}/books", headers=headers, timeout=30)
    assert answer.status_code == 200
    wait_for("one call more", lambda: calls_counted(stack, report) == expected + 1, seconds=60)
