"""The report file (`make demo REPORT=file`, its form: docs/demo-report.md) and what a person sees at the end."""

import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from journey.display import Display
from journey.models import ModelResult
from journey.state import Journey


@dataclass(frozen=True, slots=True)
class StepResult:
    """One line of the journey."""

    number: str
    title: str
    expected: str
    observed: str
    ok: bool
    milliseconds: int


def machine() -> str:
    """Processor count, architecture and system."""
    system = f"{platform.system()} {platform.release()}"
    return f"{os.cpu_count()} x {platform.machine()}, {system}, Python {platform.python_version()}"


def urls(journey: Journey) -> dict[str, str]:
    """Every door that a person may try."""
    portal = journey.addresses.portal
    return {
        "console": f"{portal}/",
        "portal": f"{portal}/portal/{journey.organization}",
        "billing": f"{portal}/portal/{journey.organization}/billing",
        "control_plane": f"{portal}/docs",
        "token": f"{portal}/oauth2/token",
        "gateway": journey.addresses.gateway,
        "api": journey.api_url,
        "stripe": journey.addresses.stripe,
        "mailbox": journey.addresses.mailbox,
    }


def credentials(journey: Journey) -> dict[str, object]:
    """Of the two people, and of the application that stays subscribed."""
    app = journey.second
    people = {
        name: {"email": person.email, "password": person.password, "token": person.token}
        for name, person in (("provider", journey.provider), ("developer", journey.developer))
    }
    return {
        **people,
        "consumer_key": app.client_id,
        "consumer_secret": app.client_secret,
        "access_token": app.access_token,
    }


def write(
    path: Path,
    journey: Journey,
    steps: list[StepResult],
    models: list[ModelResult],
    seconds: float,
    components: dict[str, str],
) -> None:
    """One JSON document."""
    document = {
        "version": 1,
        "seconds": round(seconds, 1),
        "machine": machine(),
        "components": components,
        "steps": [asdict(step) for step in steps],
        "models": [asdict(model) for model in models],
        "urls": urls(journey),
        "credentials": credentials(journey),
        "invoice": journey.invoice,
        "usage_visible_ms": journey.usage_visible_ms,
        "revoked_ms": journey.revoked_ms,
    }
    path.write_text(json.dumps(document, indent=2) + "\n")


def show(display: Display, journey: Journey, seconds: float) -> None:
    """URLs and credentials, and a curl to try by hand."""
    rows = list(urls(journey).items())
    for person, values in (("provider", journey.provider), ("developer", journey.developer)):
        rows += [(person, f"{values.email}  {values.password}"), (f"{person}'s token", values.token)]
    rows += [("consumer key", journey.second.client_id), ("consumer secret", journey.second.client_secret)]
    display.line()
    display.values(rows)
    display.line(
        f"\n{seconds:.0f} s. Usage visible after {journey.usage_visible_ms} ms,"
        f" access ended {journey.revoked_ms} ms after the cancel. Try it:\n"
    )
    display.line(f"curl -i {journey.api_url}/books -H 'Authorization: Bearer {journey.second.access_token}'\n")
