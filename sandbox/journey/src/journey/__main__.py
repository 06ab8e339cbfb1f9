"""`python -m journey [--report FILE] [--without-models]`: run it; exit status 1 at the first step that differs."""

import argparse
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from rich.console import Console

from journey import developer, models, provider, report, verify
from journey.addresses import Addresses
from journey.client import Client
from journey.display import Display
from journey.expect import StepFailed
from journey.furnish import furnish
from journey.report import StepResult
from journey.state import Journey, Person

STEPS: tuple[tuple[str, str, str, Callable[[Journey], str]], ...] = (
    (
        "1",
        "Create an organization and project",
        "The project home page opens",
        provider.organize,
    ),
    ("2", "Create and deploy an API proxy", "The Production card shows Active", provider.import_deploy_promote),
    ("3", "Connect Stripe", "The Stripe account is connected", provider.connect_stripe),
    ("4", "Create subscription plans", "Pay-as-you-go appears in the list", provider.create_plan),
    ("5", "Enable the plan on the API", "The plan is active on the API", provider.enable_plan),
    ("6", "Publish the API", "Lifecycle state Published, API in the portal", provider.publish),
    ("7", "Subscribe to the paid plan", "Subscribed after Stripe Checkout", developer.subscribe),
    ("8", "Generate API credentials", "An access token", developer.generate_credentials),
    ("9", "Invoke the API", "HTTP 200 with a JSON list of books", developer.invoke),
    ("10", "View billing and usage", "Calls x $0.02 in usage and invoice", developer.see_usage_and_invoice),
    ("V1", "Authenticated calls are billed", "The count rises by the calls made", verify.count_rises),
    ("V2", "Unauthenticated requests are rejected", "HTTP 401", verify.no_token_is_refused),
    ("V3", "Subscription enforcement", "HTTP 403", verify.cancelled_is_refused),
)


def run(journey: Journey, display: Display) -> list[StepResult]:
    """All steps, a line each; stops at the first that fails."""
    results: list[StepResult] = []
    for number, title, expected, step in STEPS:
        started = time.monotonic()
        with display.working(f"{number}. {title}"):
            try:
                observed, ok = step(journey), True
            except (StepFailed, httpx.HTTPError, KeyError, ValueError) as error:
                observed, ok = f"{type(error).__name__}: {error}", False
        took_ms = round((time.monotonic() - started) * 1000)
        results.append(StepResult(number, title, expected, observed, ok, took_ms))
        display.step(number, ok, title, took_ms, observed)
        if not ok:
            display.line(f"\nStep {number} ({title}) failed. Expected: {expected}. Observed: above.", "bold red")
            break
    return results


def run_models(journey: Journey, display: Display) -> list[models.ModelResult]:
    """A line per pricing model: calls, minor units expected, invoiced."""
    display.line(f"\nEvery pricing model, on plans of the same API, {models.CALLS} calls each")
    results = []
    with display.working("Pricing models"):
        for result in models.run(journey):
            results.append(result)
            display.step("", result.ok, result.model, result.milliseconds, result.summary)
    return results


def components() -> dict[str, str]:
    """What Kafka and PostgreSQL are: as whoever started them says, else as the local stack does."""
    if told := os.environ.get("TOLLWAY_DEMO_COMPONENTS"):
        return dict(json.loads(told))
    command = [sys.executable, "-m", "local_stack", "components"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return dict(json.loads(answer.stdout)) if answer.returncode == 0 else {"kafka": "named", "postgresql": "named"}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="journey", description=__doc__)
    parser.add_argument("--report", type=Path, help="write a JSON report to this file")
    parser.add_argument("--calls", type=int, default=100, help="calls on the first invoice (at least 25)")
    parser.add_argument("--without-models", action="store_true", help="the seed's steps alone")
    arguments = parser.parse_args()
    addresses = Addresses.from_environment()
    suffix = secrets.token_hex(3)

    def person(name: str) -> Person:
        return Person(f"{name}-{suffix}@example.com", f"{name}-{secrets.token_urlsafe(9)}", Client(addresses.portal))

    journey = Journey(addresses, suffix, max(arguments.calls, 25), person("provider"), person("developer"))
    display = Display(Console())
    started = time.monotonic()
    display.line(f"Tollway: the whole journey on {addresses.portal}\n", "bold")
    results = run(journey, display)
    wanted = results[-1].ok and not arguments.without_models
    model_results = run_models(journey, display) if wanted else []
    failed = not (all(step.ok for step in results) and all(model.ok for model in model_results))
    if not failed:
        with display.working("Some days of usage"):
            furnish(journey)
    seconds = time.monotonic() - started
    if arguments.report:
        report.write(arguments.report, journey, results, model_results, seconds, components())
    if failed:
        sys.exit(1)
    report.show(display, journey, seconds)


if __name__ == "__main__":
    main()
