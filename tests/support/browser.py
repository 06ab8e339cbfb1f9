"""Debian's Chromium, driven by Playwright: what a person does, and what they would have seen go wrong."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
)  # fmt: skip
INSTALL = "no chromium here; install it with: sudo apt-get install -y chromium"
SCREENSHOTS = Path(os.environ.get("TOLLWAY_SCREENSHOTS", ".pytest_cache/screenshots"))
# What is left out of a look may bring landmarks of its own into the page.
LANDMARKS = ("landmark-no-duplicate-main", "landmark-main-is-top-level", "landmark-unique")
# The machines that run this are busy: a page may take its time, it is never waited for longer than it needs.
TIMEOUT_MS = 45_000


def chromium() -> str:
    """Its path; without one the test is skipped with the command that installs it."""
    found = os.environ.get("TOLLWAY_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip(INSTALL)
    return found


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser that asks nothing of the world outside."""
    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visitor:
    """One person's browser. `complaints`: what its console said, and pages that failed."""

    context: BrowserContext
    page: Page
    name: str
    complaints: list[str] = field(default_factory=list)

    def look(self, name: str, *, without: str = "") -> None:
        """Keep a picture, and find nothing that keeps a person out (axe) or that needs sideways scrolling."""
        self.page.wait_for_load_state("load")
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}-{self.name}.png", full_page=True)
        width = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width[0] <= width[1], f"{name} is wider than the screen: {width}"
        context: Any = {"exclude": [[without]]} if without else None
        options: Any = {"rules": {rule: {"enabled": False} for rule in LANDMARKS}} if without else None
        found = Axe().run(self.page, context=context, options=options).response["violations"]
        told = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]
        assert not told, f"{name} ({self.name}): {told}"

    def sign_in(self, base: str, email: str, password: str, target: str) -> None:
        """By the sign-in page."""
        self.page.goto(f"{base}/sign-in?next={target}")
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("main").get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(f"**{target}")


@contextmanager
def visitor(
    browser: Browser, *, scheme: str = "light", width: int = 1440, script: bool = True, own: str = ""
) -> Iterator[Visitor]:
    """A fresh browser of one person. `own`: the origin whose pages may not complain."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=script,
        timezone_id="Europe/Berlin",
    )
    context.set_default_timeout(TIMEOUT_MS)
    if script:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    guest = Visitor(context, page, f"{scheme}-{width}{'' if script else '-noscript'}")

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and page.url.startswith(own):
            guest.complaints.append(f"{page.url}: {message.text}")

    page.on("console", heard)
    page.on("pageerror", lambda error: guest.complaints.append(f"{page.url}: {error}"))
    # Leaving a page whose secret was not copied asks first; here it always was.
    page.on("dialog", lambda dialog: dialog.accept())
    try:
        yield guest
    finally:
        context.close()
