"""docs/troubleshooting.md answers every symptom of the guide that Tollway follows, with problem types that exist."""

import re
from pathlib import Path

from portal_api.http.problem_types import PROBLEM_TYPES

PAGE = (Path(__file__).parents[3] / "docs" / "troubleshooting.md").read_text()
SYMPTOMS = (
    "Stripe Credentials save fails",
    "Plans don't appear in Developer Portal subscription dialog",
    "Stripe checkout doesn't open",
    "`HTTP 401` on every call after subscribing",
    "`HTTP 403` after subscribing",
    "Usage not appearing in Billing page",
    "Cannot cancel subscription",
)


def rows() -> dict[str, list[str]]:
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in PAGE.splitlines() if line[:2] == "| "]
    return {row[0].strip(): row for row in cells}


def test_every_symptom_has_a_row_with_cause_and_cure() -> None:
    assert [name for name in rows() if name != "Symptom"] == list(SYMPTOMS)
    for name in SYMPTOMS:
        _, says, resolution = rows()[name]
        assert len(says) > 40
        assert len(resolution) > 40


def test_every_problem_type_that_is_named_exists() -> None:
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", PAGE))
    assert len(named) > 15
    assert named <= set(PROBLEM_TYPES)
