"""A problem type is a promise: its URL answers with cause and cure, and the docs list it."""

import re
from pathlib import Path

from gateway.domain import problems
from portal_api.http.problem_types import PROBLEM_TYPES

FAILURE_MODES = Path(__file__).parents[3] / "docs" / "failure-modes.md"
SERVICES = Path(__file__).parents[3] / "services"
RAISED = re.compile(r'DomainError\(\s*"([a-z]+(?:-[a-z]+)*)"')


def test_every_problem_of_the_gateway_has_a_page() -> None:
    names = set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', Path(problems.__file__).read_text()))
    assert len(names) > 20
    assert names <= set(PROBLEM_TYPES)


def test_every_problem_that_portal_api_raises_has_a_page() -> None:
    text = "\n".join(path.read_text() for path in (SERVICES / "portal-api" / "src").rglob("*.py"))
    names = set(RAISED.findall(text))
    assert len(names) > 10
    assert names <= set(PROBLEM_TYPES)


def test_failure_modes_list_every_problem_with_its_cure() -> None:
    text = FAILURE_MODES.read_text()
    for name, kind in PROBLEM_TYPES.items():
        assert f"| `{name}` | {kind.cause} | {kind.cure} |" in text, name


def test_every_problem_of_a_subscription_has_a_page() -> None:
    """What subscriptions and billing-sync say of a subscription reaches the developer as a problem name."""
    folders = (SERVICES / "subscriptions" / "src", SERVICES / "billing-sync" / "src")
    text = "\n".join(path.read_text() for folder in folders for path in folder.rglob("*.py"))
    said = re.findall(r'problem="([a-z]+(?:-[a-z]+)+)"', text) + re.findall(r'refused\("([a-z]+(?:-[a-z]+)+)"', text)
    names = {*said, *re.findall(r'"(stripe-[a-z-]+)"', text)}
    assert len(names) > 5
    assert names <= set(PROBLEM_TYPES)
