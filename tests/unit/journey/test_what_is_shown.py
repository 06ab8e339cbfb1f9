"""Whatever the width, every observed value, URL and credential can be copied from what is shown."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console
from tests.support.rating_reference import cents

from journey.addresses import Addresses
from journey.client import Client
from journey.display import Display
from journey.models import CALLS, MODELS, ModelResult
from journey.report import StepResult, show, write
from journey.state import App, Journey, Person
from portal_api.catalog.domain.plan import make_version, terms_faults
from portal_api.catalog.entrypoints.plan_schemas import PlanCreate

URL = "http://127.0.0.1:9080/sampleorganization-1a2b3c/reading-list-api/1.0.0"
TOKEN = "eyJhbGciOiJFUzI1NiIsImtpZCI6IjAxTTg" + "x" * 600


def a_journey() -> Journey:
    addresses = Addresses(
        "http://127.0.0.1:9000", "http://127.0.0.1:9080", "http://s:1", "http://u:1", "http://m:1", "k:1", ""
    )

    def person(name: str) -> Person:
        return Person(f"{name}-1a2b3c@example.com", f"{name}-Xy_z-{'q' * 12}", Client("http://x"), f"pat_{'p' * 60}")

    journey = Journey(addresses, "1a2b3c", 100, person("provider"), person("developer"), api_url=URL)
    journey.second = App("app_1", "sub_1", "client_" + "i" * 40, "secret_" + "s" * 60, TOKEN)
    return journey


def shown_on(width: int, *, terminal: bool) -> str:
    stream = io.StringIO()
    display = Display(Console(file=stream, force_terminal=terminal, width=width, color_system=None))
    observed = f"100 calls seen after 64 ms, estimate $2.00; invoice in_{'1' * 40} paid 200 usd [not-markup]"
    display.step("10", True, "View billing and usage", 4321, observed)
    display.step("V3", False, "Subscription enforcement", 12, f"StepFailed: GET {URL}/books answered 500")
    show(display, a_journey(), 41.2)
    return stream.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_nothing_is_cut(width: int, terminal: bool) -> None:
    shown = shown_on(width, terminal=terminal)
    journey = a_journey()
    wanted = [URL, TOKEN, "in_" + "1" * 40, "[not-markup]", "http://127.0.0.1:9000/oauth2/token"]
    for person in (journey.provider, journey.developer):
        wanted += [person.email, person.password, person.token]
    wanted += [journey.second.client_id, journey.second.client_secret]
    for value in wanted:
        assert value in shown, value
    assert "…" not in shown


def test_a_log_has_one_plain_line_for_each_step() -> None:
    lines = shown_on(80, terminal=False).splitlines()
    assert lines[0].startswith(" 10  ok ")
    assert lines[0].endswith("paid 200 usd [not-markup]")
    assert "\x1b" not in "".join(lines)


def test_a_narrow_terminal_gets_what_was_observed_below_its_step() -> None:
    lines = shown_on(80, terminal=True).splitlines()
    assert lines[0].rstrip().endswith("4321 ms")
    assert lines[1].startswith("             100 calls seen")
    assert max(len(line) for line in lines[:3]) <= 80


def test_the_report_has_the_models_beside_the_steps(tmp_path: Path) -> None:
    result = ModelResult(MODELS[1].name, "eur", "month", 40, 1900, 1900, 1900, ["in_1"], True, 900, "19.00")
    step = StepResult("1", "t", "e", "o", True, 3)
    write(tmp_path / "r.json", a_journey(), [step], [result], 1.0, {})
    report = json.loads((tmp_path / "r.json").read_text())
    assert [one["number"] for one in report["steps"]] == ["1"]
    (model,) = report["models"]
    assert (model["calls"], model["expected_minor"], model["invoiced_minor"]) == (40, 1900, 1900)


def test_the_expected_amounts_follow_from_the_terms() -> None:
    """The table of the demo, checked by the reference that knows nothing of it."""
    for model in MODELS:
        terms = PlanCreate(name=model.name, **model.terms).terms()
        assert terms_faults(terms) == [], model.name
        version = make_version(terms, number=1, ordinal=1, now=datetime(2026, 1, 1, tzinfo=UTC))
        assert cents(version, CALLS) == model.expected_minor, model.name
