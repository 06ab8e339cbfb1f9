"""One browser for all browser tests, and the whole stack of the end-to-end tests."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.support.browser import chromium, launched


@pytest.fixture(scope="session", autouse=True)
def _chromium_is_here() -> None:
    """Before a whole stack is started for nothing."""
    chromium()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with launched() as running:
        yield running
