"""The marker follows the folder; Kafka and PostgreSQL come from tests/support/containers.py."""

from collections import Counter
from pathlib import Path

import pytest
from tests.support.containers import (
    database,
    infrastructure,
    kafka_bootstrap,
    postgres_url,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
    topic_prefix,
)
from tests.support.whole_stack import whole_stack

# Fixtures of a whole run are named here and nowhere else: each module that imported one would start its own.
__all__ = [
    "database",
    "infrastructure",
    "kafka_bootstrap",
    "postgres_url",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
    "topic_prefix",
    "whole_stack",
]

TESTS = Path(__file__).parent
MARKERS = {
    "unit": "unit",
    "property": "property",
    "contracts": "contract",
    "architecture": "architecture",
    "service": "service",
    "e2e": "e2e",
    "chaos": "chaos",
    "compose": "compose",
    # Last: Playwright keeps an event loop running in this thread, which nothing asynchronous survives.
    "browser": "browser",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick and pure first; every test has the marker of its folder.

    Within a folder the files with most tests go first: two processes that share them are then done at about one time.
    """
    order = list(MARKERS)
    counts = Counter(item.path for item in items)

    def folder(item: pytest.Item) -> str:
        return item.path.relative_to(TESTS).parts[0]

    for item in items:
        item.add_marker(MARKERS[folder(item)])
    items.sort(key=lambda item: (order.index(folder(item)), -counts[item.path], str(item.path)))
