"""docs/gateway.md names every setting, metric and answer; docs/policies.md is what the policies say."""

from pathlib import Path

import prometheus_client
import pytest

from gateway import metrics
from gateway.domain.problems import PROBLEMS
from gateway.entrypoints import supervisor
from gateway.entrypoints.policies_page import page
from gateway.settings import Settings
from shared.policies import KINDS, read_policy

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "gateway.md").read_text()


def test_settings() -> None:
    assert [name for name in Settings.model_fields if f"`{name.upper()}`" not in PAGE] == []


def test_metrics() -> None:
    ours = [*vars(metrics).values(), *vars(supervisor).values()]
    names = {one._name for one in ours if isinstance(one, prometheus_client.Counter | prometheus_client.Gauge)}
    names |= {family.name for family in metrics.CALLS.collect()}
    assert sorted(name for name in names if f"`{name}" not in PAGE) == []


def test_answers() -> None:
    rows = {line.split("`")[1]: line for line in PAGE.splitlines() if line.startswith("| `")}
    assert [name for name, problem in PROBLEMS.items() if f"| {problem.status} |" not in rows.get(name, "")] == []


def test_the_policies_page_is_written_from_their_classes() -> None:
    assert (DOCS / "policies.md").read_text() == page(), "python -m gateway.entrypoints.policies_page docs/policies.md"


@pytest.mark.parametrize("kind", KINDS)
def test_a_policys_example_may_be_attached(kind: str) -> None:
    assert KINDS[kind].example
    read_policy(kind, KINDS[kind].example)
