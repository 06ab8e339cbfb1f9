"""How long until a call is seen in the usage summary, and until a cancelled subscription is refused.

Run against a stack that is up (`make up`): `.venv/bin/python benchmarks/latency.py [--rounds 20]`. Each round is a new
application on a free plan of one published API; TOLLWAY_DEMO_*_URL point it elsewhere. Prints milliseconds as seen by a
client over HTTP, so polling the answer (a few milliseconds a look) is in them.
"""

import argparse
import secrets
import statistics
import time

import httpx

from journey import provider
from journey.addresses import Addresses
from journey.client import Client
from journey.developer import generate, usage
from journey.expect import wait_for
from journey.provider import WAIT
from journey.report import machine
from journey.state import App, Journey, Person

PLAN = {
    "name": "Free",
    "description": "For measuring",
    "rate_limit": {"count": 100_000, "unit": "second"},
    "pricing_model": "free",
    "currency": "usd",
    "billing_period": "month",
}


def published(addresses: Addresses) -> Journey:
    """A published API with a free plan, and a developer."""
    run = secrets.token_hex(3)

    def person(name: str) -> Person:
        return Person(f"{name}-{run}@example.com", f"{name}-{secrets.token_urlsafe(9)}", Client(addresses.portal))

    journey = Journey(addresses, run, 0, person("provider"), person("developer"))
    provider.organize(journey)
    provider.import_deploy_promote(journey)
    path = f"/v1/organizations/{journey.organization_id}/plans"
    journey.plan_id = journey.provider.client.post(path, PLAN)["id"]
    provider.enable_plan(journey)
    provider.publish(journey)
    provider.sign_up(journey.developer, "Dana Developer")
    return journey


def one_round(journey: Journey) -> tuple[float, float]:
    """Milliseconds from the call's answer to the summary, and from the cancel's answer to the 403."""
    client = journey.developer.client
    path = f"/v1/portal/{journey.organization}/applications"
    app = App(client.post(path, {"name": f"App {secrets.token_hex(4)}"})["id"])
    body = {"api_id": journey.api_id, "plan_id": journey.plan_id}
    subscription = client.post(f"/v1/applications/{app.application_id}/subscriptions", body, headers=WAIT)
    generate(journey, app)
    with httpx.Client(headers={"Authorization": f"Bearer {app.access_token}"}, timeout=30) as caller:
        caller.get(f"{journey.api_url}/books").raise_for_status()
        answered = time.perf_counter()
        wait_for("the call", lambda: usage(journey, subscription["id"])["calls"], seconds=30, pause_seconds=0.002)
        visible = time.perf_counter()
        client.post(f"/v1/subscriptions/{subscription['id']}/cancel", {"when": "now"})
        cancelled = time.perf_counter()
        refused = lambda: caller.get(f"{journey.api_url}/books").status_code == 403  # noqa: E731
        wait_for("the 403", refused, seconds=30, pause_seconds=0.001)
        return (visible - answered) * 1000, (time.perf_counter() - cancelled) * 1000


def show(name: str, milliseconds: list[float]) -> None:
    """Median, 95th and 99th percentile, largest."""
    ordered = sorted(milliseconds)
    p95 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.95))]
    p99 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]
    print(
        f"{name:<36} p50 {statistics.median(ordered):6.0f}  p95 {p95:6.0f}  p99 {p99:6.0f}  max {ordered[-1]:6.0f} ms"
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    journey = published(Addresses.from_environment())
    results = [one_round(journey) for _ in range(rounds)]
    print(f"{rounds} rounds on {machine()}")
    show("call answered -> usage summary", [visible for visible, _ in results])
    show("cancel answered -> 403", [refused for _, refused in results])


if __name__ == "__main__":
    main()
