"""A provider gives the Developer Portal its looks; a developer sees them, in both themes."""

import io
from typing import Literal

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect
from tests.support.browser import WIDTHS, visitor
from tests.support.whole_stack import WholeStack

SHADES: dict[Literal["dark", "light"], str] = {"dark": "#b48ef5", "light": "#7c3aed"}


def logo() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (240, 80), (124, 58, 237)).save(written, "PNG")
    return written.getvalue()


@pytest.mark.timeout(300)
def test_the_portal_gets_its_looks(browser: Browser, whole_stack: WholeStack) -> None:
    made, base = whole_stack.published_api(), whole_stack.addresses.portal
    for width in WIDTHS:
        with visitor(browser, width=width, own=base) as guest:
            home = f"{base}/console/{made.organization}"
            guest.sign_in(base, made.provider.email, made.provider.password, f"/console/{made.organization}")
            page = guest.open(f"{home}/settings/branding")
            page.get_by_label("Accent, light theme").fill("#ffee00")
            preview = page.locator("#branding-preview")
            expect(preview.get_by_text("nearest shade that can be read")).to_be_visible()
            page.get_by_label("Accent, light theme").fill("#7c3aed")
            expect(preview.get_by_text("#7c3aed")).to_be_visible()
            page.get_by_label("Name", exact=False).first.fill("Reading Room")
            page.get_by_label("About").fill("## Who we are\n\nWe lend **books**.")
            page.get_by_label("Logo", exact=False).first.set_input_files(
                {"name": "logo.png", "mimeType": "image/png", "buffer": logo()}
            )
            page.get_by_role("button", name="Save").click()
            expect(page.get_by_text("The Developer Portal has its new looks.")).to_be_visible()
            guest.look("console-39-branding")
            page = guest.open(f"{base}/portal/{made.organization}/apis")
            expect(page.locator("img.k-logo")).to_be_visible()
            brand = "getComputedStyle(document.documentElement).getPropertyValue('--brand').trim()"
            # The dark theme's accent was not chosen: it is the nearest shade of the light one that can be read.
            for scheme, accent in SHADES.items():
                page.emulate_media(color_scheme=scheme)
                assert page.evaluate(brand) == accent
            guest.look("portal-80-branded")
            page = guest.open(f"{base}/portal/{made.organization}/pages/about")
            expect(page.get_by_role("heading", name="Who we are")).to_be_visible()
            guest.look("portal-81-about")
            assert guest.complaints == []
