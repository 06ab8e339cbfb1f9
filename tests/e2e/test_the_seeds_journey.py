"""What `make demo` does, twice on one stack."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.whole_stack import WholeStack

from journey.models import MODELS

STEPS = [*(str(number) for number in range(1, 11)), "V1", "V2", "V3"]


def run_journey(whole: WholeStack, report: Path, *options: str) -> subprocess.CompletedProcess[str]:
    addresses = whole.addresses
    environment = {
        **os.environ,
        "TOLLWAY_DEMO_PORTAL_URL": addresses.portal,
        "TOLLWAY_DEMO_GATEWAY_URL": addresses.gateway,
        "TOLLWAY_DEMO_STRIPE_URL": addresses.stripe,
        "TOLLWAY_DEMO_UPSTREAM_URL": addresses.upstream,
        "TOLLWAY_DEMO_MAILBOX_URL": addresses.mailbox,
        "TOLLWAY_KAFKA_BOOTSTRAP_SERVERS": addresses.kafka,
    }
    command = [sys.executable, "-m", "journey", "--report", str(report), *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("time", ["first", "second"])
async def test_every_step_is_seen_to_work(whole_stack: WholeStack, tmp_path: Path, time: str) -> None:
    options = [] if time == "first" else ["--without-models"]
    done = await asyncio.to_thread(run_journey, whole_stack, tmp_path / "report.json", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert [step["number"] for step in report["steps"]] == STEPS
    assert all(step["ok"] for step in report["steps"])
    assert report["invoice"] == {
        "id": report["invoice"]["id"],
        "calls": 100,
        "amount_minor": 200,
        "currency": "usd",
        "status": "paid",
    }
    assert len(report["models"]) == (len(MODELS) if time == "first" else 0)
    for model in report["models"]:
        assert model["ok"], model
        assert model["expected_minor"] == model["estimated_minor"] == model["invoiced_minor"], model
    assert report["usage_visible_ms"] > 0
    assert report["revoked_ms"] > 0
    assert report["credentials"]["access_token"] in done.stdout
