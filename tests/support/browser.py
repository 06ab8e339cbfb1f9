"""Debian's Chromium, driven by Playwright: what a person does, and what they would have seen go wrong."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, CDPSession, ConsoleMessage, Page, expect, sync_playwright

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
)  # fmt: skip
INSTALL = "no chromium here; install it with: sudo apt-get install -y chromium"
# Pictures for whoever wants to look; of a failure there is always one.
WANTED_PICTURES = os.environ.get("TOLLWAY_SCREENSHOTS", "")
SCREENSHOTS = Path(WANTED_PICTURES or ".pytest_cache/screenshots")
# What is left out of a look may bring landmarks of its own into the page.
LANDMARKS = ("landmark-no-duplicate-main", "landmark-main-is-top-level", "landmark-unique")
# What the Content-Security-Policy blocks is said in words of our own, besides the browser's.
TELL_VIOLATIONS = """document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.effectiveDirective} blocks ${event.blockedURI} at ${event.sourceFile}`));"""
RUN_AXE = """([without, options]) =>
  axe.run(without ? { exclude: [[without]] } : document, options).then((found) => found.violations)"""
# After two frames the colours are the new scheme's.
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
Scheme = Literal["light", "dark"]
WIDTHS = (1440, 390)
# Narrower than this, the navigation hides behind a button.
PHONE_BELOW = 860
# The machines that run this are busy: a page may take its time, it is never waited for longer than it needs.
TIMEOUT_MS = 45_000
expect.set_options(timeout=15_000)


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
    """One person's browser. `complaints`: what its console said, what the policy blocked, and pages that failed."""

    context: BrowserContext
    page: Page
    name: str
    schemes: tuple[Scheme, ...]
    complaints: list[str] = field(default_factory=list)
    _devtools: CDPSession | None = None

    def look(self, name: str, *, without: str = "") -> None:
        """Keep a picture in each colour scheme if they are wanted, and find nothing that keeps a person out (axe) or
        that needs sideways scrolling. The page itself stays as it is: only what the system prefers changes."""
        self.page.wait_for_load_state("load")
        width = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width[0] <= width[1], f"{name} is wider than the screen: {width}"
        told = []
        # The colours of a narrow page are those of the wide one.
        schemes = self.schemes if WANTED_PICTURES or self.width >= PHONE_BELOW else self.schemes[:1]
        for scheme in schemes:
            if len(self.schemes) > 1:
                self.page.emulate_media(color_scheme=scheme)
                self.page.evaluate(DRAWN)
            self.page.evaluate("scrollTo(0, 0)")
            if WANTED_PICTURES:
                self._picture(SCREENSHOTS / f"{name}-{scheme}-{self.name}.png")
            found = self._violations(without, colours_only=scheme != self.schemes[0])
            told += [f"{scheme}: {one['id']}: {one['nodes'][0]['html'][:200]} {_why(one)}" for one in found]
        assert not told, f"{name} ({self.name}): {told}"

    def _picture(self, path: Path) -> None:
        """Of the whole page. Chromium's own command, which may write a larger file in half of the time."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if self._devtools is None:
            self._devtools = self.context.new_cdp_session(self.page)
        wanted = {"format": "png", "optimizeForSpeed": True, "captureBeyondViewport": True}
        path.write_bytes(base64.b64decode(self._devtools.send("Page.captureScreenshot", wanted)["data"]))

    def _violations(self, without: str, *, colours_only: bool) -> list[dict[str, Any]]:
        """What axe finds. Of a page's second colour scheme only the colours are new."""
        options: dict[str, Any] = {"resultTypes": ["violations"], "elementRef": False}
        if colours_only:
            options["runOnly"] = ["color-contrast"]
        elif without:
            options["rules"] = {rule: {"enabled": False} for rule in LANDMARKS}
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        found: list[dict[str, Any]] = self.page.evaluate(RUN_AXE, [without, options])
        return found

    @property
    def width(self) -> int:
        """Of the window."""
        return self.page.viewport_size["width"] if self.page.viewport_size else WIDTHS[0]

    def show_navigation(self) -> None:
        """A phone hides it behind a button."""
        if self.width < PHONE_BELOW and not self.page.get_by_label("Show the navigation").is_checked():
            self.page.locator("label.k-burger").click()

    def open(self, address: str) -> Page:
        """A page by its address."""
        answer = self.page.goto(address)
        assert answer is None or answer.status == 200, f"{address} answered {answer.status}"
        return self.page

    def sign_in(self, base: str, email: str, password: str, target: str) -> None:
        """By the sign-in page."""
        self.page.goto(f"{base}/sign-in?next={target}")
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("main").get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(f"**{target}")


def _why(violation: dict[str, Any]) -> str:
    return " ".join(str(violation["nodes"][0].get("failureSummary", "")).split())[:300]


@contextmanager
def visitor(
    browser: Browser,
    *,
    width: int = 1440,
    schemes: tuple[Scheme, ...] = ("light", "dark"),
    script: bool = True,
    own: str = "",
) -> Iterator[Visitor]:
    """A fresh browser of one person. `own`: the origin whose pages may not complain."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=schemes[0],
        reduced_motion="reduce",
        java_script_enabled=script,
        timezone_id="Europe/Berlin",
    )
    context.set_default_timeout(TIMEOUT_MS)
    if script:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.add_init_script(TELL_VIOLATIONS)
    page = context.new_page()
    guest = Visitor(context, page, f"{width}{'' if script else '-noscript'}", schemes)

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and page.url.startswith(own):
            guest.complaints.append(f"{page.url}: {message.text}")

    page.on("console", heard)
    page.on("pageerror", lambda error: guest.complaints.append(f"{page.url}: {error}"))
    # Leaving a page whose secret was not copied asks first; here it always was.
    page.on("dialog", lambda dialog: dialog.accept())
    try:
        yield guest
    except BaseException:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"failed-{guest.name}.png")
        raise
    finally:
        context.close()
