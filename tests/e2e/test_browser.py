from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e.browser import log_in, page_of
from tests.gateway import RunningGateway


def vehicles_today(page: Page) -> int:
    shown = page.locator("[data-total=vehicles] b").inner_text()
    return int(re.sub(r"\D", "", shown))


def test_from_log_in_to_a_rising_count(live_gateway: RunningGateway, chromium: str) -> None:
    with page_of(live_gateway, chromium) as page:
        expect(page).to_have_url(re.compile("/login/"))
        log_in(page)
        expect(page.locator("[data-tiles] > [data-camera]")).to_have_count(2)
        expect(page.locator("[data-total=live] b")).to_have_text("2/2", timeout=300_000)
        before = vehicles_today(page)
        shown = page.locator("[data-total=vehicles] b")
        expect(shown).not_to_have_text(shown.inner_text(), timeout=300_000)
        assert vehicles_today(page) > before


def test_a_wrong_password_is_answered_in_words(live_gateway: RunningGateway, chromium: str) -> None:
    with page_of(live_gateway, chromium) as page:
        page.locator("input[name=username]").fill("nobody")
        page.locator("input[name=password]").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page).to_have_url(re.compile("/login/"))


def test_a_phone_shows_the_same_without_scrolling_sideways(
    live_gateway: RunningGateway, chromium: str
) -> None:
    with page_of(live_gateway, chromium, 390, 844) as page:
        log_in(page)
        for path in (
            "/",
            "/cameras/",
            "/cameras/1/",
            "/cameras/1/scene/",
            "/traffic/",
            "/traffic/speeds/",
            "/traffic/flow/",
            "/settings/",
        ):
            page.goto(live_gateway.address + path)
            page.wait_for_load_state("load")
            overflow = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert overflow <= 0, f"{path} is {overflow} px too wide"
