"""Who types before the page's script has come finds it done when it comes."""

import re

import pytest
from playwright.sync_api import Browser, Route, expect
from tests.support.browser import visitor
from tests.support.whole_stack import WholeStack

from journey import provider


@pytest.mark.timeout(120)
def test_an_identifier_follows_a_name_typed_before_the_script(browser: Browser, whole_stack: WholeStack) -> None:
    made, base = whole_stack.people(), whole_stack.addresses.portal
    provider.organize(made)
    home = f"/console/{made.organization}"
    with visitor(browser, width=1280, own=base) as guest:
        guest.sign_in(base, made.provider.email, made.provider.password, home)
        held: list[Route] = []
        guest.page.route(re.compile(r"/tollway[^/]*\.js"), lambda route: held.append(route))  # noqa: PLW0108 - Playwright wants a function
        guest.page.goto(f"{base}{home}/projects/new", wait_until="commit")
        guest.page.get_by_label("Display Name").fill("Typed Early")
        assert guest.page.get_by_label("Identifier").input_value() == ""
        assert held, "the script was not asked for by this name"
        for route in held:
            route.continue_()
        expect(guest.page.get_by_label("Identifier")).to_have_value("typed-early")
